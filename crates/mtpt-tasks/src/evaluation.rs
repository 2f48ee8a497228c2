use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::labels::{Gold, Labels, Prediction};
use crate::metric::Metric;

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
    /// [`Error::PredictionCount`] if there are more or fewer predictions than rows.
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
    /// [`Error::PredictionCount`] if there are more or fewer predictions than rows, [`Error::GroupCount`] if there are more or
    /// fewer groups.
    pub fn in_groups(
        metrics: &[Metric],
        labels: &Labels,
        gold: &[Gold],
        predictions: &[Prediction],
        groups: &[String],
    ) -> Result<Self> {
        if gold.len() != groups.len() {
            return Err(Error::GroupCount { expected: gold.len(), found: groups.len() });
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
    /// [`Error::PredictionCount`] if there are more or fewer predictions than rows.
    pub fn of_texts(
        metrics: &[Metric],
        references: &[Vec<String>],
        predictions: &[String],
    ) -> Result<Self> {
        let rows = references.len();
        if rows != predictions.len() {
            return Err(Error::PredictionCount { expected: rows, found: predictions.len() });
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
            return Err(Error::PredictionCount { expected: gold.len(), found: predictions.len() });
        }
        let rows = gold.iter().copied().zip(predictions.iter().copied()).collect();
        Ok(Self::of_rows(metrics, labels, rows, groups))
    }

    fn of_rows(
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

/// What knows only the training labels predicts: the most frequent one, or the mean score.
///
/// What a task's metrics say of it is what any training must surpass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MajorityBaseline {
    prediction: Prediction,
}

impl MajorityBaseline {
    /// Learns from the meaning of training labels. Of equally frequent labels the first wins; no row teaches nothing,
    /// and the prediction is [`Prediction::Unknown`].
    pub fn new(labels: &Labels, train: &[Gold]) -> Self {
        let mut counts = vec![0_usize; labels.words().len()];
        let mut sum = 0.0;
        for &gold in train {
            match gold {
                Gold::Label(index) => {
                    if let Some(count) = counts.get_mut(index) {
                        *count += 1;
                    }
                }
                Gold::Score(score) => sum += score,
                Gold::Text => {}
            }
        }
        let prediction = if train.is_empty() || labels.is_text() {
            Prediction::Unknown
        } else if labels.is_regression() {
            Prediction::Score(sum / train.len() as f64)
        } else {
            let most = counts.iter().copied().max();
            let index = counts.iter().position(|&count| Some(count) == most);
            index.map_or(Prediction::Unknown, Prediction::Label)
        };
        Self { prediction }
    }

    /// What it predicts for every row.
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }

    /// What metrics say of it.
    pub fn evaluate(&self, metrics: &[Metric], labels: &Labels, gold: &[Gold]) -> Evaluation {
        let rows = gold.iter().map(|&gold| (gold, self.prediction)).collect();
        let groups: Vec<usize> = (0..gold.len()).collect();
        Evaluation::of_rows(metrics, labels, rows, &groups)
    }
}
