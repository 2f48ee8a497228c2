use crate::labels::gold::{Gold, Prediction};
use crate::labels::labels::Labels;
use crate::metric::evaluation::Evaluation;
use crate::metric::metric::Metric;

/// A baseline that predicts the most frequent training label, or the mean training score.
///
/// Trained prompts should exceed its metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MajorityBaseline {
    prediction: Prediction,
}

impl MajorityBaseline {
    /// Creates the baseline from the training labels.
    ///
    /// The first of equally frequent labels wins. Without training labels, the prediction is
    /// [`Prediction::Unknown`].
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

    /// Returns the prediction, which is the same for every row.
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }

    /// Evaluates the baseline.
    pub fn evaluate(&self, metrics: &[Metric], labels: &Labels, gold: &[Gold]) -> Evaluation {
        let rows = gold.iter().map(|&gold| (gold, self.prediction)).collect();
        let groups: Vec<usize> = (0..gold.len()).collect();
        Evaluation::of_rows(metrics, labels, rows, &groups)
    }
}
