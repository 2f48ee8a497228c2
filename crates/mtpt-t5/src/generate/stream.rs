//! Random numbers of sampling.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Number of bits of a stream's number for the position of the row.
const ROW_BITS: u32 = 40;

/// Returns the random number generator of one sequence of a row.
///
/// Each row and each sequence of a row have a stream of their own, so that a text depends on
/// neither the batch nor the number of sequences.
pub(super) fn stream(seed: u64, row: usize, sequence: usize) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(((sequence as u64) << ROW_BITS) | row as u64);
    generator
}
