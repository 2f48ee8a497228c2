//! Correlations of scores.

use crate::metric::classification::ratio;

/// Returns the Pearson correlation of pairs, from -1 to 1. It is 0 if undefined: for fewer than two
/// pairs, a constant side, or values that are not finite.
pub fn pearson(pairs: &[(f64, f64)]) -> f64 {
    let constant =
        |side: fn(&(f64, f64)) -> f64| pairs.windows(2).all(|two| side(&two[0]) == side(&two[1]));
    // With rounding, the deviation of a constant side may not be exactly 0.
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

/// Returns the Spearman rank correlation of pairs: [`pearson`] of their ranks, where ties share
/// their mean rank. It is 0 if undefined.
pub fn spearman(pairs: &[(f64, f64)]) -> f64 {
    if pairs.iter().any(|pair| !pair.0.is_finite() || !pair.1.is_finite()) {
        return 0.0;
    }
    let first = ranks(pairs.iter().map(|pair| pair.0).collect());
    let second = ranks(pairs.iter().map(|pair| pair.1).collect());
    pearson(&first.into_iter().zip(second).collect::<Vec<_>>())
}

/// Returns the rank of each value; ties share their mean rank.
fn ranks(numbers: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    // The relative order of -0 and 0 is irrelevant, as they are equal.
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
