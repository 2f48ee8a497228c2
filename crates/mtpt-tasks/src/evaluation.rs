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
        if gold.len() != predictions.len() {
            return Err(Error::PredictionCount { expected: gold.len(), found: predictions.len() });
        }
        let rows = gold.iter().copied().zip(predictions.iter().copied()).collect();
        Ok(Self::judge(metrics, labels, rows))
    }

    fn judge(metrics: &[Metric], labels: &Labels, rows: Vec<(Gold, Prediction)>) -> Self {
        let values =
            metrics.iter().map(|metric| (metric.clone(), metric.value(labels, &rows))).collect();
        Self { values, rows: rows.len() }
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
            }
        }
        let prediction = if train.is_empty() {
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
        Evaluation::judge(metrics, labels, rows)
    }
}
