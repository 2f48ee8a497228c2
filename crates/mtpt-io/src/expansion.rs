//! Limit on the size of decompressed data.

/// Size that compressed data may have, whatever its compressed size.
const FREE: u64 = 8 << 20;
/// Largest ratio of decompressed to compressed size.
const RATIO: u64 = 8;

/// Returns the largest size of decompressed data.
///
/// The values of trained parameters hardly compress, so only an array of nearly equal values can
/// exceed it, or a file that was made to fill the memory: deflate reaches a ratio of 1,000.
pub(crate) fn largest_size(compressed: u64) -> u64 {
    compressed.saturating_mul(RATIO).saturating_add(FREE)
}
