use std::collections::HashMap;

use crate::error::Result;
use crate::labels::gold::{Gold, Prediction};
use crate::labels::labels::Labels;
use crate::metric::error::MetricError;
use crate::metric::metric::Metric;
use crate::metric::unit::Unit;

/// Values of a task's metrics, in the order of the metrics. They are fractions, except for
/// correlations and errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    values: Vec<(Metric, f64)>,
    rows: usize,
    /// Difference of the highest and the lowest score, if labels are scores.
    range: Option<f64>,
}

impl Evaluation {
    /// Evaluates one prediction per row.
    ///
    /// # Errors
    ///
    /// Returns [`MetricError::PredictionCount`] if the number of predictions differs from that of
    /// rows.
    pub fn new(
        metrics: &[Metric],
        labels: &Labels,
        gold: &[Gold],
        predictions: &[Prediction],
    ) -> Result<Self> {
        let groups: Vec<usize> = (0..gold.len()).collect();
        Self::compute(metrics, labels, gold, predictions, &groups)
    }

    /// Evaluates one prediction per row, with the group of each row.
    ///
    /// # Errors
    ///
    /// Returns [`MetricError::PredictionCount`] or [`MetricError::GroupCount`] if a number differs
    /// from that of rows.
    pub fn in_groups(
        metrics: &[Metric],
        labels: &Labels,
        gold: &[Gold],
        predictions: &[Prediction],
        groups: &[String],
    ) -> Result<Self> {
        if gold.len() != groups.len() {
            return Err(
                MetricError::GroupCount { expected: gold.len(), found: groups.len() }.into()
            );
        }
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let groups = groups.iter().map(String::as_str);
        let groups: Vec<usize> = groups
            .map(|group| {
                let next = numbers.len();
                *numbers.entry(group).or_insert(next)
            })
            .collect();
        Self::compute(metrics, labels, gold, predictions, &groups)
    }

    /// Evaluates one generated text per row against its references.
    ///
    /// # Errors
    ///
    /// Returns [`MetricError::PredictionCount`] if the number of texts differs from that of rows.
    pub fn of_texts(
        metrics: &[Metric],
        references: &[Vec<String>],
        predictions: &[String],
    ) -> Result<Self> {
        let rows = references.len();
        check_count(rows, predictions.len())?;
        let value =
            |metric: &Metric| (metric.clone(), metric.value_of_texts(predictions, references));
        Ok(Self { values: metrics.iter().map(value).collect(), rows, range: None })
    }

    /// Evaluates the labels of each row, for labels of which a row has any number.
    ///
    /// # Errors
    ///
    /// Returns [`MetricError::PredictionCount`] if the number of predictions differs from that of
    /// rows.
    pub fn of_label_sets(
        metrics: &[Metric],
        words: &[String],
        gold: Vec<Vec<usize>>,
        predictions: Vec<Vec<usize>>,
    ) -> Result<Self> {
        check_count(gold.len(), predictions.len())?;
        let rows: Vec<_> = gold.into_iter().zip(predictions).collect();
        let value = |metric: &Metric| (metric.clone(), metric.value_of_sets(words, &rows));
        Ok(Self { values: metrics.iter().map(value).collect(), rows: rows.len(), range: None })
    }

    /// Evaluates rows with words or scores; `groups` is the group of each row.
    fn compute(
        metrics: &[Metric],
        labels: &Labels,
        gold: &[Gold],
        predictions: &[Prediction],
        groups: &[usize],
    ) -> Result<Self> {
        check_count(gold.len(), predictions.len())?;
        let rows = gold.iter().copied().zip(predictions.iter().copied()).collect();
        Ok(Self::of_rows(metrics, labels, rows, groups))
    }

    pub(crate) fn of_rows(
        metrics: &[Metric],
        labels: &Labels,
        rows: Vec<(Gold, Prediction)>,
        groups: &[usize],
    ) -> Self {
        let value = |metric: &Metric| (metric.clone(), metric.value(labels, &rows, groups));
        let range = labels.scale().map(|scale| scale.highest - scale.lowest);
        Self { values: metrics.iter().map(value).collect(), rows: rows.len(), range }
    }

    /// Returns the metrics and their values.
    pub fn values(&self) -> &[(Metric, f64)] {
        &self.values
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the value of a metric by its name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(metric, _)| metric.name() == name).map(|&(_, value)| value)
    }

    /// Returns the value of the first metric; 0 if there is none.
    pub fn primary(&self) -> f64 {
        self.values.first().map_or(0.0, |&(_, value)| value)
    }

    /// Returns the contribution of each metric to the [mean](Self::mean), higher for better
    /// predictions.
    ///
    /// It is the value itself, except for an error, which counts as 1 minus its share of the
    /// scale's range.
    pub fn scores(&self) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().map(|(metric, value)| match self.range {
            Some(range) if !Unit::of(metric.name()).higher_is_better() => 1.0 - value / range,
            _ => *value,
        })
    }

    /// Returns the mean of the [scores](Self::scores) of all metrics, which GLUE averages over
    /// tasks; 0 if there is none.
    pub fn mean(&self) -> f64 {
        if self.values.is_empty() {
            return 0.0;
        }
        self.scores().sum::<f64>() / self.values.len() as f64
    }
}

/// Checks that there is one prediction per row.
fn check_count(expected: usize, found: usize) -> Result<(), MetricError> {
    if expected == found { Ok(()) } else { Err(MetricError::PredictionCount { expected, found }) }
}
