use burn::tensor::Device;
use mtpt_core::{is_cpu, parallelism};

/// Maximum number of tokens that a CPU thread computes at once. Matrix products are efficient at
/// this size, and their intermediate results still fit in the cache.
const MAX_TOKENS: usize = 1024;
/// Minimum number of tokens per thread. Smaller batches are not split across all threads.
const MIN_TOKENS: usize = 256;

/// Returns the maximum number of tokens per part when `tokens` are computed in total.
///
/// There is no limit on a GPU, which is parallel within each operation.
pub fn tokens_at_a_time(tokens: usize, device: &Device) -> usize {
    if is_cpu(device) {
        tokens.div_ceil(parallelism(device)).clamp(MIN_TOKENS, MAX_TOKENS)
    } else {
        usize::MAX
    }
}
