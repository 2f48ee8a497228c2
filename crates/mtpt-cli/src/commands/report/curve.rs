use super::history::Series;

/// A noisy series made fit to be looked at: smoothed, and with no more points than a screen can show.
#[derive(Debug, PartialEq)]
pub(super) struct Curve {
    /// The mean of the steps around each point.
    pub(super) smooth: Vec<(f64, f64)>,
    /// Between which the middle four fifths of the values are that each smoothed point is the mean of.
    pub(super) range: Vec<(f64, f64, f64)>,
    /// How many values each smoothed point is the mean of, away from the ends.
    pub(super) window: usize,
}

/// Most points of a curve.
const POINTS: usize = 240;
/// This part of the values lies below the range of a point, and as many above: extremes would hide the rest.
const OUTSIDE: usize = 10;
/// A smoothed point is the mean of this share of the series, half of it before and half after.
const SHARE: usize = 15;

impl Curve {
    pub(super) fn new(series: &Series) -> Self {
        let each = series.len().div_ceil(POINTS).max(1);
        let half = series.len() / SHARE / 2;
        // Sums up to each place: the mean of any stretch is then a difference.
        let mut sums = vec![0.0];
        for (_, value) in series {
            sums.push(sums[sums.len() - 1] + value);
        }
        let mean = |from: usize, to: usize| (sums[to] - sums[from]) / (to - from) as f64;
        let (mut smooth, mut range) = (Vec::new(), Vec::new());
        for (number, values) in series.chunks(each).enumerate() {
            let from = number * each;
            let to = from + values.len();
            let step =
                values.iter().map(|(step, _)| *step as f64).sum::<f64>() / values.len() as f64;
            // As far to one side as to the other, so that a slope stays where it is near an end, too.
            let half = half.min(from).min(series.len() - to);
            smooth.push((step, mean(from - half, to + half)));
            let around = &series[from - half..to + half];
            let mut around: Vec<f64> = around.iter().map(|(_, value)| *value).collect();
            around.sort_by(f64::total_cmp);
            let outside = (around.len() - 1 + OUTSIDE / 2) / OUTSIDE;
            range.push((step, around[outside], around[around.len() - 1 - outside]));
        }
        Self { smooth, range, window: each + 2 * half }
    }

    /// Whether the values span so many magnitudes that a logarithmic axis shows them better.
    pub(super) fn spans_magnitudes(&self) -> bool {
        let values = self.smooth.iter().map(|(_, value)| *value);
        let lowest = values.clone().fold(f64::INFINITY, f64::min);
        // Two powers of ten at least, so that the axis has two numbers.
        lowest > 0.0 && values.fold(0.0, f64::max) / lowest > 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_stay_as_they_are() {
        let curve = Curve::new(&vec![(1, 3.0), (2, 1.0), (3, 2.0)]);
        assert_eq!(curve.smooth, [(1.0, 3.0), (2.0, 1.0), (3.0, 2.0)]);
        assert_eq!(curve.range[1], (2.0, 1.0, 1.0));
        assert_eq!((curve.window, curve.spans_magnitudes()), (1, false));
        assert_eq!(Curve::new(&Vec::new()).smooth, []);
    }

    #[test]
    fn a_line_stays_a_line_and_noise_goes() {
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
