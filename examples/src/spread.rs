//! Means and deviations over seeds.

/// Returns the mean; 0 for no value.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Returns the sample standard deviation; 0 for one value.
pub fn deviation(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares = values.iter().map(|value| (value - middle).powi(2)).sum::<f64>();
    (squares / (values.len() - 1).max(1) as f64).sqrt()
}

/// Formats a mean with its sample standard deviation, if there is more than one value.
pub fn spread(values: &[f64]) -> String {
    let middle = mean(values);
    if values.len() < 2 {
        return format!("{middle:.1}");
    }
    format!("{middle:.1} ± {:.1}", deviation(values))
}
