use mtpt::tasks::Unit;

use crate::number_format::thousands;
use crate::report::chart::quantity::Quantity;

/// The vertical axis of a chart, in the unit that is shown.
#[derive(Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<f64>,
    pub(super) logarithmic: bool,
    /// Distance between the ticks of a linear axis.
    step: f64,
}

/// Values beyond this are drawn at the edge, because an axis can't show them.
const LARGEST: f64 = 1e12;
/// Lower end of a logarithmic axis, as a fraction of the largest value.
const SMALLEST: f64 = 1e-9;
/// Minimum length of a percent axis. A single row of a small split must not look like a crash.
const PERCENT_SPAN: f64 = 40.0;
/// Minimum length of an axis that doesn't start at 0, as a fraction of the largest value.
const RELATIVE_SPAN: f64 = 0.25;
/// Preferred number of intervals between ticks.
const INTERVALS: f64 = 4.0;

impl Axis {
    /// Creates the axis for values in the unit that is shown. Only a loss can have a logarithmic
    /// axis, and its values must be positive then.
    pub(super) fn new(
        quantity: Quantity,
        values: impl Iterator<Item = f64>,
        logarithmic: bool,
    ) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite
            .map(|value| value.clamp(-LARGEST, LARGEST))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if low > high {
            return Self::linear(0.0, if quantity == Quantity::PERCENT { 100.0 } else { 1.0 });
        }
        if logarithmic && high > 0.0 {
            return Self::decades(low.max(high * SMALLEST), high);
        }
        match quantity {
            Quantity::Metric(Unit::Percent) if low >= 0.0 && high <= 100.0 => {
                Self::percent(low, high)
            }
            Quantity::Metric(Unit::Number) if low >= -1.0 && high <= 1.0 => {
                Self::linear(if low < 0.0 { -1.0 } else { 0.0 }, 1.0)
            }
            Quantity::Points => Self::linear(low.min(-5.0), high.max(5.0)),
            Quantity::Metric(Unit::Nats) if low > 0.5 * high => {
                let span = (1.1 * (high - low)).max(RELATIVE_SPAN * high);
                let low = (low - (span - (high - low)) / 2.0).max(0.0);
                Self::linear(low, low + span)
            }
            _ => Self::linear(low.min(0.0), high.max(0.0)),
        }
    }

    /// Creates a percent axis: from 0 to 100, or a part of it for values that are close together.
    fn percent(low: f64, high: f64) -> Self {
        let (low, high) = ((low / 10.0).floor() * 10.0, (high / 10.0).ceil() * 10.0);
        let missing = PERCENT_SPAN - (high - low);
        if missing <= 0.0 {
            return Self::linear(0.0, 100.0);
        }
        // In whole tens, so that the ends are ticks.
        let low = (low - (missing / 20.0).ceil() * 10.0).clamp(0.0, 100.0 - PERCENT_SPAN);
        if low <= 20.0 {
            return Self::linear(0.0, 100.0);
        }
        Self::linear(low, low + PERCENT_SPAN)
    }

    /// Creates a linear axis whose ends are ticks.
    fn linear(low: f64, high: f64) -> Self {
        let span = high - low;
        let high = if span > 0.0 { high } else { low + low.abs().max(1.0) };
        let step = nice_step((high - low) / INTERVALS);
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let count = (last - first) as usize;
        let ticks = (0..=count).map(|tick| (first + tick as f64) * step).collect();
        Self { low: first * step, high: last * step, ticks, logarithmic: false, step }
    }

    /// Creates a logarithmic axis whose ends are powers of ten.
    fn decades(low: f64, high: f64) -> Self {
        let (first, last) = (low.log10().floor() as i32, (high.log10().ceil() as i32));
        let last = last.max(first + 1);
        let every = ((last - first) as usize).div_ceil(6);
        let ticks = (first..=last).step_by(every).map(|power| 10_f64.powi(power)).collect();
        let (low, high) = (10_f64.powi(first), 10_f64.powi(last));
        Self { low, high, ticks, logarithmic: true, step: 0.0 }
    }

    /// Returns the place of a value: 0 at the lower end, 1 at the upper end.
    pub(super) fn place(&self, value: f64) -> f64 {
        let value = if value.is_nan() { self.low } else { value.clamp(self.low, self.high) };
        if self.logarithmic {
            (value / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// Formats a tick.
    pub(super) fn label(&self, tick: f64) -> String {
        let magnitude = tick.abs().max(if self.logarithmic { 0.0 } else { self.step });
        if tick == 0.0 {
            "0".to_owned()
        } else if !(1e-4..1e6).contains(&magnitude) {
            format!("{tick:e}")
        } else if self.logarithmic {
            tick.to_string()
        } else if self.step >= 1.0 {
            let sign = if tick < 0.0 { "-" } else { "" };
            format!("{sign}{}", thousands(tick.abs().round() as usize))
        } else {
            format!("{tick:.0$}", (-self.step.log10() - 1e-9).ceil().max(0.0) as usize)
        }
    }

    /// Returns a remark on an axis that could be misread.
    pub(super) fn note(&self, quantity: Quantity) -> Option<String> {
        let ends = || format!("{} to {}", self.label(self.low), self.label(self.high));
        let zoomed = self.low > 0.0 || (quantity == Quantity::PERCENT && self.high < 100.0);
        if self.logarithmic {
            Some("Logarithmic axis.".to_owned())
        } else if zoomed && quantity == Quantity::PERCENT {
            Some(format!("Axis from {} %.", ends()))
        } else if zoomed {
            Some(format!("Axis from {}, not from 0.", ends()))
        } else {
            None
        }
    }
}

/// Returns the smallest of 1, 2, 5, 10, 20, ... that is not below a positive number.
pub(super) fn nice_step(least: f64) -> f64 {
    let power = 10_f64.powi(least.log10().floor() as i32);
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= least * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(quantity: Quantity, values: &[f64]) -> Axis {
        Axis::new(quantity, values.iter().copied(), false)
    }

    #[test]
    fn percent_axes_dont_exaggerate() {
        let ends = |values: &[f64]| {
            let axis = axis(Quantity::PERCENT, values);
            (axis.low, axis.high, axis.note(Quantity::PERCENT).is_some())
        };
        assert_eq!(ends(&[20.0, 81.0]), (0.0, 100.0, false));
        assert_eq!(ends(&[81.0, 80.5]), (60.0, 100.0, true));
        assert_eq!(ends(&[50.0]), (30.0, 70.0, true));
        assert_eq!(ends(&[0.0]), (0.0, 100.0, false));
        assert_eq!(ends(&[100.0]), (60.0, 100.0, true));
        assert_eq!(ends(&[]), (0.0, 100.0, false));
    }

    #[test]
    fn losses_start_at_zero_unless_they_are_close_together() {
        let falling = axis(Quantity::LOSS, &[0.4, 2.1]);
        assert_eq!((falling.low, falling.note(Quantity::LOSS)), (0.0, None));
        let flat = axis(Quantity::LOSS, &[2.0, 2.1]);
        assert!(flat.low > 0.0 && flat.high - flat.low >= 0.5, "{flat:?}");
        assert!(flat.note(Quantity::LOSS).is_some());
        let zero = axis(Quantity::LOSS, &[0.0, 0.0]);
        assert!(zero.high > zero.low, "{zero:?}");
    }

    #[test]
    fn ticks_are_round_and_cover_the_axis() {
        for (low, high) in [(0.0, 0.3), (-4.0, 7.0), (0.0, 1e9), (0.0, 3e-7), (5.0, 5.0)] {
            let axis = Axis::linear(low, high);
            assert!((3..=8).contains(&axis.ticks.len()), "{axis:?}");
            assert!(axis.low <= low + 1e-12 && axis.high >= high - 1e-12, "{axis:?}");
            let labels: Vec<String> = axis.ticks.iter().map(|tick| axis.label(*tick)).collect();
            let mut distinct = labels.clone();
            distinct.dedup();
            assert_eq!(labels, distinct);
            assert!(labels.iter().all(|label| label.len() <= 9), "{labels:?}");
        }
        let log = Axis::new(Quantity::LOSS, [0.02, 3.0].into_iter(), true);
        assert_eq!((log.low, log.high, log.ticks.len()), (0.01, 10.0, 4));
        assert_eq!(log.place(0.01), 0.0);
        assert_eq!(log.label(0.01), "0.01");
    }

    #[test]
    fn extreme_values_are_clamped() {
        for values in [&[f64::NAN, 1.0][..], &[-1e300, f64::MAX], &[f64::INFINITY]] {
            for logarithmic in [false, true] {
                let axis = Axis::new(Quantity::LOSS, values.iter().copied(), logarithmic);
                for value in values {
                    assert!((0.0..=1.0).contains(&axis.place(*value)), "{axis:?} {value}");
                }
            }
        }
    }
}
