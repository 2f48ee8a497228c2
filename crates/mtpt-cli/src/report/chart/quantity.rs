use mtpt::tasks::Unit;

use crate::number_format::learning_rate;

/// The quantity that a value measures. It determines the unit and the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// Value of a metric, or a mean over metrics.
    Metric(Unit),
    LearningRate,
    /// Difference between fractions, shown in percentage points.
    Points,
}

impl Quantity {
    /// A fraction, shown in percent.
    pub(crate) const PERCENT: Self = Self::Metric(Unit::Percent);
    /// A loss in nats per target token.
    pub(crate) const LOSS: Self = Self::Metric(Unit::Nats);

    /// Returns the quantity of a metric.
    pub(crate) fn of_metric(name: &str) -> Self {
        Self::Metric(Unit::of(name))
    }

    /// Returns the quantity of a mean over metrics.
    pub(crate) fn of_mean<'a>(metrics: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Metric(Unit::of_mean(metrics))
    }

    /// Returns the unit for a title; empty without one.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Metric(Unit::Nats) => "nats per target token",
            Self::Metric(unit) => unit.symbol(),
            Self::Points => "percentage points",
            Self::LearningRate => "",
        }
    }

    /// Returns a value in the unit in which it is shown.
    pub(crate) fn shown(self, value: f64) -> f64 {
        match self {
            Self::Metric(Unit::Percent) | Self::Points => 100.0 * value,
            _ => value,
        }
    }

    /// Formats a value without its unit.
    pub(crate) fn number(self, value: f64) -> String {
        match self {
            Self::Metric(unit) => unit.number(value),
            Self::Points => signed(Unit::Percent.number(value)),
            Self::LearningRate => learning_rate(value),
        }
    }

    /// Formats a value with a unit that is short enough for running text.
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            Self::Metric(unit) => unit.format(value),
            Self::Points => format!("{} points", self.number(value)),
            Self::LearningRate => self.number(value),
        }
    }

    /// Formats a difference between two values, with a sign and without a unit.
    pub(crate) fn difference(self, value: f64) -> String {
        signed(self.number(value))
    }

    /// Returns whether `value` is better than `other`.
    pub(crate) fn is_better(self, value: f64, other: f64) -> bool {
        match self {
            Self::Metric(unit) => unit.is_better(value, other),
            Self::Points | Self::LearningRate => value > other,
        }
    }

    /// Returns the best value and its step; the first one if there are several.
    pub(crate) fn best(self, series: &[(usize, f64)]) -> Option<(usize, f64)> {
        let better = |best: (usize, f64), next: (usize, f64)| {
            if self.is_better(next.1, best.1) { next } else { best }
        };
        series.iter().copied().reduce(better)
    }

    pub(crate) fn higher_is_better(self) -> bool {
        !matches!(self, Self::Metric(unit) if !unit.higher_is_better())
    }
}

fn signed(number: String) -> String {
    let is_positive = number.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    match is_positive && !number.starts_with(['-', '+']) {
        true => format!("+{number}"),
        false => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_a_sign() {
        assert_eq!(Quantity::PERCENT.difference(0.137), "+13.7");
        assert_eq!(Quantity::PERCENT.difference(-1e-9), "0.0");
        assert_eq!(Quantity::of_metric("pearson").difference(-0.25), "-0.250");
        assert_eq!(Quantity::Points.text(0.137), "+13.7 points");
    }
}
