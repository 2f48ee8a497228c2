use burn::tensor::Device;
use mtpt_core::{is_cpu, parallelism};
use mtpt_tasks::{PartitionLimits, partition_by_length};

/// Maximum number of tokens that a CPU thread computes at once. Matrix products are efficient at
/// this size, and their intermediate results still fit in the cache.
const MAX_TOKENS: usize = 1024;
/// Minimum number of tokens per thread. Smaller batches are not split across all threads.
const MIN_TOKENS: usize = 256;
/// Maximum share of padding among the tokens of a part.
const MAX_PADDING: f64 = 0.05;

/// Partitions rows, at most `max_rows` in a part, into parts that a device computes efficiently:
/// of similar length and, on a CPU, small enough for one thread.
///
/// Returns the indices of the rows of each part, see [`partition_by_length`].
pub fn partition_for_device(
    lengths: &[usize],
    max_rows: usize,
    device: &Device,
) -> Vec<Vec<usize>> {
    let max_tokens = max_tokens(lengths.iter().sum(), device);
    partition_by_length(lengths, PartitionLimits { max_rows, max_tokens, max_padding: MAX_PADDING })
}

/// Returns the maximum number of tokens per part when `tokens` are computed in total.
///
/// There is no limit on a GPU, which is parallel within each operation.
fn max_tokens(tokens: usize, device: &Device) -> usize {
    if is_cpu(device) {
        tokens.div_ceil(parallelism(device)).clamp(MIN_TOKENS, MAX_TOKENS)
    } else {
        usize::MAX
    }
}
