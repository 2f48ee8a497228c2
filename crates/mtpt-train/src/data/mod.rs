//! Training data: pretraining data, micro-batches and truncation.

pub(crate) mod error;
pub(crate) mod micro_batches;
pub(crate) mod pretraining_data;
pub(crate) mod truncation;
