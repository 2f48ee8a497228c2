//! Training examples: batches, truncation and where each example was read from.

pub(crate) mod locate;
pub(crate) mod micro_batches;
pub(crate) mod pretraining_data;
pub(crate) mod truncation;
