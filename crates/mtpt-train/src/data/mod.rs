//! Training data: pretraining data, micro-batches, and warnings of truncated and blank inputs.

pub(crate) mod blank_inputs;
pub(crate) mod error;
pub(crate) mod micro_batches;
pub(crate) mod pretraining_data;
pub(crate) mod truncation;
