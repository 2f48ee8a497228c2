//! Units of metrics, and the form of their values in messages.

/// Unit of a metric's values. In files and JSON, values in [`Percent`](Self::Percent) are
/// fractions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Fraction, shown in percent with one decimal.
    Percent,
    /// Correlation from -1 to 1, or a mean of different metrics, with three decimals.
    Number,
    /// Error in the unit of the task's scale, with three decimals. A lower value is better.
    Scale,
    /// Loss in nats, with four decimals. A lower value is better.
    Nats,
}

impl Unit {
    /// Returns the unit of a metric by its name, as in
    /// [`Metric::name`](crate::Metric::name). `loss` is in nats, and unknown names are fractions.
    ///
    /// ```
    /// use mtpt_tasks::metric::Unit;
    ///
    /// assert_eq!(Unit::of("accuracy").format(0.41), "41.0 %");
    /// assert_eq!(Unit::of("pearson").format(0.8123), "0.812");
    /// ```
    pub fn of(metric: &str) -> Self {
        match metric {
            "pearson" | "spearman" | "matthews" => Self::Number,
            "rmse" | "mae" => Self::Scale,
            "loss" => Self::Nats,
            _ => Self::Percent,
        }
    }

    /// Returns the unit of a mean over metrics: a plain number if they have several units.
    pub fn of_mean<'a>(metrics: impl IntoIterator<Item = &'a str>) -> Self {
        let mut units = metrics.into_iter().map(Self::of);
        match units.next() {
            Some(Self::Percent) if units.all(|unit| unit == Self::Percent) => Self::Percent,
            _ => Self::Number,
        }
    }

    /// Formats a value with its unit, for prose.
    pub fn format(self, value: f64) -> String {
        match self {
            Self::Percent | Self::Nats => format!("{} {}", self.number(value), self.symbol()),
            Self::Number | Self::Scale => self.number(value),
        }
    }

    /// Formats a value without its unit, for a column whose header has the [symbol](Self::symbol).
    pub fn number(self, value: f64) -> String {
        let text = match self {
            Self::Percent => format!("{:.1}", 100.0 * value),
            Self::Number | Self::Scale => format!("{value:.3}"),
            Self::Nats => format!("{value:.4}"),
        };
        // A small negative value would be rounded to `-0.0`.
        match text.strip_prefix('-') {
            Some(digits) if digits.bytes().all(|digit| matches!(digit, b'0' | b'.')) => {
                digits.to_owned()
            }
            _ => text,
        }
    }

    /// Returns the symbol of the unit; empty for values without one.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Percent => "%",
            Self::Number | Self::Scale => "",
            Self::Nats => "nats",
        }
    }

    /// Returns whether a higher value is better.
    pub fn higher_is_better(self) -> bool {
        match self {
            Self::Percent | Self::Number => true,
            Self::Scale | Self::Nats => false,
        }
    }

    /// Returns whether a value is better than another one.
    pub fn is_better(self, value: f64, other: f64) -> bool {
        if self.higher_is_better() { value > other } else { value < other }
    }
}

/// Formats a value of a metric with its unit: `41.0 %`, `0.812`, or `1.3863 nats`.
pub fn format_value(metric: &str, value: f64) -> String {
    Unit::of(metric).format(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_has_one_unit() {
        assert_eq!(format_value("macro_f1", 0.27272), "27.3 %");
        assert_eq!(format_value("matthews", -0.5), "-0.500");
        assert_eq!(format_value("rmse", 1.25), "1.250");
        assert_eq!(format_value("loss", 4.0_f64.ln()), "1.3863 nats");
        assert_eq!(Unit::of("accuracy").number(1.0), "100.0");
        assert_eq!(Unit::of("spearman").number(-0.0001), "0.000");
        assert_eq!(Unit::of_mean(["accuracy", "macro_f1"]), Unit::Percent);
        assert_eq!(Unit::of_mean(["accuracy", "pearson"]), Unit::Number);
    }

    #[test]
    fn errors_and_losses_are_better_if_lower() {
        for (metric, is_better) in [("bleu", true), ("pearson", true), ("mae", false)] {
            assert_eq!(Unit::of(metric).is_better(0.5, 0.25), is_better, "{metric}");
            assert!(!Unit::of(metric).is_better(0.5, 0.5), "{metric}");
        }
    }
}
