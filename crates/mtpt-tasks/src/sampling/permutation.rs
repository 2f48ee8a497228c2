/// A seeded permutation with random access.
///
/// A Feistel network over the next power of two with cycle walking (Black and Rogaway 2002,
/// "Ciphers with arbitrary finite domains"). It needs no memory, and fewer than two evaluations on
/// average. It is implemented here so that the order does not change with the version of a
/// dependency.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permutation {
    length: u64,
    seed: u64,
    /// Bits of the two halves.
    bits: [u32; 2],
}

/// Even, so that halves of different width return to their sides.
const ROUNDS: u64 = 8;

impl Permutation {
    /// Creates a permutation of `0..length`.
    pub(crate) fn new(length: usize, seed: u64) -> Self {
        let length = length as u64;
        let bits = (u64::BITS - length.saturating_sub(1).leading_zeros()).max(2);
        Self { length, seed, bits: [bits / 2, bits - bits / 2] }
    }

    /// Returns the number at a position below the length.
    pub(crate) fn get(&self, position: usize) -> usize {
        debug_assert!((position as u64) < self.length);
        let mut number = position as u64;
        loop {
            number = self.network(number);
            if number < self.length {
                return number as usize;
            }
        }
    }

    fn network(&self, number: u64) -> u64 {
        let [mut high_bits, mut low_bits] = self.bits;
        let mut high = number >> low_bits;
        let mut low = number & mask(low_bits);
        for round in 0..ROUNDS {
            let mixed = high ^ (hash(self.seed, [round, low]) & mask(high_bits));
            (high, low) = (low, mixed);
            (high_bits, low_bits) = (low_bits, high_bits);
        }
        high << low_bits | low
    }
}

fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// Hashes numbers by the output function of SplitMix64, applied to each in turn (Steele, Lea and
/// Flood 2014, "Fast splittable pseudorandom number generators").
pub(crate) fn hash<const N: usize>(seed: u64, numbers: [u64; N]) -> u64 {
    numbers.into_iter().fold(mix(seed), |state, number| mix(state ^ number))
}

/// Maps 64 random bits to a number below a bound; the bias is below the bound times 2^-64.
pub(crate) fn below(number: u64, bound: usize) -> usize {
    ((u128::from(number) * bound as u128) >> 64) as usize
}

fn mix(state: u64) -> u64 {
    let mut state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_permutation() {
        for length in (1..300).chain([1 << 12, (1 << 12) + 1]) {
            for seed in 0..3 {
                let order = Permutation::new(length, seed);
                let mut seen = vec![false; length];
                for position in 0..length {
                    assert!(!std::mem::replace(&mut seen[order.get(position)], true));
                }
            }
        }
    }

    #[test]
    fn is_uniform_over_seeds() {
        const LENGTH: usize = 10;
        const SEEDS: u64 = 20_000;
        let mut counts = [0_i64; LENGTH];
        for seed in 0..SEEDS {
            counts[Permutation::new(LENGTH, seed).get(0)] += 1;
        }
        // Standard deviation of a count is 42.
        assert!(counts.iter().all(|count| (count - 2_000).abs() < 220), "{counts:?}");
    }
}
