use crate::run_files::history::Series;

/// A smoothed series with no more points than a screen can show.
#[derive(Debug, PartialEq)]
pub(crate) struct Curve {
    /// Moving average: step and value.
    pub(crate) smooth: Vec<(f64, f64)>,
    /// Step, and the 10th and 90th percentile of the values in the window of each point.
    pub(crate) range: Vec<(f64, f64, f64)>,
    /// Window of the moving average, away from the ends.
    pub(crate) window: usize,
}

/// Maximum number of points.
const POINTS: usize = 240;
/// One in this many values is below the range of a point, and as many are above it. Extreme values
/// would hide the rest.
const OUTSIDE: usize = 10;
/// The window of the moving average is one in this many values of the series.
const WINDOWS: usize = 15;

impl Curve {
    pub(crate) fn new(series: &Series) -> Self {
        let per_point = series.len().div_ceil(POINTS).max(1);
        let half = series.len() / WINDOWS / 2;
        // With cumulative sums, the mean of any window is a difference.
        let mut sums = vec![0.0];
        for (_, value) in series {
            sums.push(sums[sums.len() - 1] + value);
        }
        let mean = |from: usize, to: usize| (sums[to] - sums[from]) / (to - from) as f64;
        let (mut smooth, mut range) = (Vec::new(), Vec::new());
        for (number, values) in series.chunks(per_point).enumerate() {
            let from = number * per_point;
            let to = from + values.len();
            let step =
                values.iter().map(|(step, _)| *step as f64).sum::<f64>() / values.len() as f64;
            // The window is symmetric, so that slopes near the ends are preserved.
            let half = half.min(from).min(series.len() - to);
            smooth.push((step, mean(from - half, to + half)));
            let around = &series[from - half..to + half];
            let mut around: Vec<f64> = around.iter().map(|(_, value)| *value).collect();
            around.sort_by(f64::total_cmp);
            let outside = (around.len() - 1 + OUTSIDE / 2) / OUTSIDE;
            range.push((step, around[outside], around[around.len() - 1 - outside]));
        }
        Self { smooth, range, window: per_point + 2 * half }
    }

    /// Returns whether a logarithmic axis shows the values better.
    pub(crate) fn spans_magnitudes(&self) -> bool {
        spans_magnitudes(self.smooth.iter().map(|(_, value)| *value))
    }
}

/// Returns whether values are positive and span more than two powers of ten, so that a logarithmic
/// axis has at least two labels.
pub(crate) fn spans_magnitudes(values: impl Iterator<Item = f64> + Clone) -> bool {
    let lowest = values.clone().fold(f64::INFINITY, f64::min);
    lowest > 0.0 && values.fold(0.0, f64::max) / lowest > 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_series_is_unchanged() {
        let curve = Curve::new(&vec![(1, 3.0), (2, 1.0), (3, 2.0)]);
        assert_eq!(curve.smooth, [(1.0, 3.0), (2.0, 1.0), (3.0, 2.0)]);
        assert_eq!(curve.range[1], (2.0, 1.0, 1.0));
        assert_eq!((curve.window, curve.spans_magnitudes()), (1, false));
        assert_eq!(Curve::new(&Vec::new()).smooth, []);
    }

    #[test]
    fn slopes_are_preserved_and_noise_is_removed() {
        let line: Series = (1..=3000).map(|step| (step, 3000.0 - step as f64)).collect();
        let curve = Curve::new(&line);
        assert!(curve.smooth.len() <= POINTS);
        for (step, value) in &curve.smooth {
            assert!((value - (3000.0 - step)).abs() < 1e-6, "{step}: {value}");
        }
        assert!(curve.spans_magnitudes());
        let noise: Series = (1..=3000).map(|step| (step, 1.0 + (step % 2) as f64)).collect();
        let curve = Curve::new(&noise);
        let middle = &curve.smooth[20..200];
        assert!(middle.iter().all(|(_, value)| (value - 1.5).abs() < 0.01));
        let outliers: Series =
            (1..=3000).map(|step| (step, if step % 50 == 0 { 9.0 } else { 1.0 })).collect();
        let ranges = Curve::new(&outliers).range;
        assert!(
            ranges[20..200].iter().all(|(_, lowest, highest)| (*lowest, *highest) == (1.0, 1.0))
        );
        assert!(curve.range.iter().all(|(_, lowest, highest)| (*lowest, *highest) == (1.0, 2.0)));
    }
}
