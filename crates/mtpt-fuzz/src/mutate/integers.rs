//! Integers at which code overflows, wraps or allocates.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

/// Integers of which one is a good guess for a length, count, index or dimension.
const EXTREME: [u64; 28] = [
    0,
    1,
    2,
    3,
    7,
    15,
    16,
    127,
    128,
    255,
    256,
    1_000,
    32_767,
    32_768,
    65_535,
    65_536,
    1 << 20,
    1 << 24,
    1 << 28,
    (1 << 31) - 1,
    1 << 31,
    u32::MAX as u64,
    1 << 32,
    1 << 40,
    1 << 62,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// Returns an extreme integer, one next to it, or a small one.
pub(super) fn extreme(random: &mut impl Rng) -> u64 {
    let extreme = EXTREME.choose(random).copied().unwrap_or_default();
    match random.random_range(0..8) {
        0 => extreme.wrapping_sub(1),
        1 => extreme.wrapping_add(1),
        2 => random.random_range(0..40),
        _ => extreme,
    }
}

/// Appends an integer in the variable-length encoding of Protocol Buffers and Thrift.
pub(super) fn write_variable_length(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 128 {
        bytes.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
}
