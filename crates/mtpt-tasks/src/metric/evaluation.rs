use std::collections::HashMap;

use crate::error::Result;
use crate::labels::gold::{Gold, Prediction};
use crate::labels::labels::Labels;
use crate::metric::error::MetricError;
use crate::metric::metric::Metric;

/// The values of a task's metrics over rows, as fractions, in the order of the task's metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    values: Vec<(Metric, f64)>,
    rows: usize,
}

impl Evaluation {
    /// Judges one prediction for each row.
    ///
    /// # Errors
    ///
    /// [`MetricError::PredictionCount`] if there are more or fewer predictions than rows.
    pub fn new(
        metrics: &[Metric],
        labels: &Labels,
        gold: &[Gold],
        predictions: &[Prediction],
    ) -> Result<Self> {
        let groups: Vec<usize> = (0..gold.len()).collect();
        Self::judge(metrics, labels, gold, predictions, &groups)
    }

    /// The same for rows that belong to groups, where some metrics judge groups.
    ///
    /// # Errors
    ///
    /// [`MetricError::PredictionCount`] if there are more or fewer predictions than rows, [`MetricError::GroupCount`] if there are more or
    /// fewer groups.
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
        Self::judge(metrics, labels, gold, predictions, &groups)
    }

    /// Judges one text for each row, by the texts that are right for it.
    ///
    /// # Errors
    ///
    /// [`MetricError::PredictionCount`] if there are more or fewer predictions than rows.
    pub fn of_texts(
        metrics: &[Metric],
        references: &[Vec<String>],
        predictions: &[String],
    ) -> Result<Self> {
        let rows = references.len();
        if rows != predictions.len() {
            return Err(
                MetricError::PredictionCount { expected: rows, found: predictions.len() }.into()
            );
        }
        let value =
            |metric: &Metric| (metric.clone(), metric.value_of_texts(predictions, references));
        Ok(Self { values: metrics.iter().map(value).collect(), rows })
    }

    fn judge(
        metrics: &[Metric],
        labels: &Labels,
        gold: &[Gold],
        predictions: &[Prediction],
        groups: &[usize],
    ) -> Result<Self> {
        if gold.len() != predictions.len() {
            return Err(MetricError::PredictionCount {
                expected: gold.len(),
                found: predictions.len(),
            }
            .into());
        }
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
        Self { values: metrics.iter().map(value).collect(), rows: rows.len() }
    }

    /// Metrics and their values.
    pub fn values(&self) -> &[(Metric, f64)] {
        &self.values
    }

    /// Number of rows judged.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The value of a metric by its name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(metric, _)| metric.name() == name).map(|&(_, value)| value)
    }

    /// The value of the first metric; 0 if there is none.
    pub fn primary(&self) -> f64 {
        self.values.first().map_or(0.0, |&(_, value)| value)
    }

    /// Mean of all metrics, which is what GLUE averages over tasks; 0 if there is none.
    pub fn mean(&self) -> f64 {
        let sum: f64 = self.values.iter().map(|&(_, value)| value).sum();
        if self.values.is_empty() { 0.0 } else { sum / self.values.len() as f64 }
    }
}
