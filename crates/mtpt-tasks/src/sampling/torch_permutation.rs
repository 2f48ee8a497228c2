use rand_mt::Mt;

/// Returns `torch.randperm(length, generator=torch.Generator().manual_seed(seed))` of the CPU: a
/// Fisher-Yates shuffle from the front with the Mersenne Twister MT19937 (Matsumoto and Nishimura
/// 1998).
///
/// It reproduces the samples of programs that use PyTorch. This crate's own samples use
/// `Permutation`.
pub(crate) fn torch_permutation(length: usize, seed: u32) -> Vec<usize> {
    let mut numbers = Mt::new(seed);
    let mut order: Vec<usize> = (0..length).collect();
    for position in 0..length.saturating_sub(1) {
        let other = position + numbers.next_u32() as usize % (length - position);
        order.swap(position, other);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `torch.randperm` of PyTorch 2.15 on the CPU.
    #[test]
    fn matches_pytorch() {
        assert_eq!(torch_permutation(10, 42), [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]);
        for (length, first, last, sum_of_thousand) in [
            (67_349, [6_677, 49_712, 38_268, 32_909, 23_395], 3_253, 33_704_174),
            (104_743, [99_291, 42_864, 63_734, 96_877, 44_206], 101_195, 51_781_541),
            (363_846, [74_376, 255_378, 229_510, 126_322, 295_150], 55_352, 184_293_690),
        ] {
            let order = torch_permutation(length, 42);
            assert_eq!((&order[..5], order[length - 1]), (&first[..], last));
            assert_eq!(order[..1_000].iter().sum::<usize>(), sum_of_thousand);
        }
        assert_eq!(torch_permutation(2, 42), [0, 1]);
        assert_eq!(torch_permutation(1, 42), [0]);
        assert!(torch_permutation(0, 42).is_empty());
    }
}
