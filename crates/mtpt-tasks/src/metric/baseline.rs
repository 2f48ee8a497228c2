use crate::labels::gold::{Gold, Prediction};
use crate::labels::labels::Labels;
use crate::metric::evaluation::Evaluation;
use crate::metric::metric::Metric;

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
