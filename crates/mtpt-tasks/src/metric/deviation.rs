//! Errors of scores, in the unit of the scale.

use crate::metric::classification::ratio;

/// Returns the root mean squared error of pairs; 0 for no pairs.
pub fn root_mean_squared_error(pairs: &[(f64, f64)]) -> f64 {
    let squares: f64 = pairs.iter().map(|(gold, predicted)| (gold - predicted).powi(2)).sum();
    ratio(squares, pairs.len() as f64).sqrt()
}

/// Returns the mean absolute error of pairs; 0 for no pairs.
pub fn mean_absolute_error(pairs: &[(f64, f64)]) -> f64 {
    let sum: f64 = pairs.iter().map(|(gold, predicted)| (gold - predicted).abs()).sum();
    ratio(sum, pairs.len() as f64)
}
