//! Tokenized examples, in memory and on disk, and batches of them.

pub(crate) mod batch;
pub(crate) mod error;
pub(crate) mod example;
pub(crate) mod max_lengths;
pub(crate) mod on_disk;
pub(crate) mod partition;
pub(crate) mod truncated;

pub use batch::{Batch, BatchRow};
pub use error::BatchError;
pub use example::TokenizedExample;
pub use max_lengths::MaxLengths;
pub use on_disk::ExamplesOnDisk;
pub use partition::{PartitionLimits, partition_by_length};
pub use truncated::Truncated;
