use burn::tensor::Device;
use mtpt_core::{is_cpu, parallelism};

/// Tokens that a core computes at a time: enough for the products to be quick, and few enough for what stands between them to
/// stay in the cache.
const MOST_TOKENS: usize = 1024;
/// Fewer than this are not divided to give every core some.
const FEWEST_TOKENS: usize = 256;

/// The most tokens of a part, where so many are computed in all; any number on a device that is parallel by itself.
pub fn tokens_at_a_time(tokens: usize, device: &Device) -> usize {
    if is_cpu(device) {
        tokens.div_ceil(parallelism(device)).clamp(FEWEST_TOKENS, MOST_TOKENS)
    } else {
        usize::MAX
    }
}
