//! Correlations of scores.

use crate::metric::classification::ratio;

/// Pearson's correlation of pairs of numbers; 0 where it is undefined: fewer than two pairs, a constant side, or
/// numbers that are not finite. From -1 to 1.
pub fn pearson(pairs: &[(f64, f64)]) -> f64 {
    let constant =
        |side: fn(&(f64, f64)) -> f64| pairs.windows(2).all(|two| side(&two[0]) == side(&two[1]));
    // Rounding could leave a constant side a spread other than 0.
    if constant(|pair| pair.0) || constant(|pair| pair.1) {
        return 0.0;
    }
    let count = pairs.len() as f64;
    let mean = (
        pairs.iter().map(|pair| pair.0).sum::<f64>() / count,
        pairs.iter().map(|pair| pair.1).sum::<f64>() / count,
    );
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for pair in pairs {
        let (a, b) = (pair.0 - mean.0, pair.1 - mean.1);
        both += a * b;
        first += a * a;
        second += b * b;
    }
    ratio(both, first.sqrt() * second.sqrt()).clamp(-1.0, 1.0)
}

/// Spearman's rank correlation of pairs of numbers: [`pearson`] of their ranks, where equal numbers share the mean of
/// their ranks. 0 where that is undefined.
pub fn spearman(pairs: &[(f64, f64)]) -> f64 {
    if pairs.iter().any(|pair| !pair.0.is_finite() || !pair.1.is_finite()) {
        return 0.0;
    }
    let first = ranks(pairs.iter().map(|pair| pair.0).collect());
    let second = ranks(pairs.iter().map(|pair| pair.1).collect());
    pearson(&first.into_iter().zip(second).collect::<Vec<_>>())
}

/// Rank of each number; equal numbers share the mean of their ranks.
fn ranks(numbers: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    // -0 and 0 are equal numbers, so their order among one another does not matter.
    order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut start = 0;
    for ties in order.chunk_by(|&a, &b| numbers[a] == numbers[b]) {
        for &index in ties {
            ranks[index] = start as f64 + (ties.len() + 1) as f64 / 2.0;
        }
        start += ties.len();
    }
    ranks
}
