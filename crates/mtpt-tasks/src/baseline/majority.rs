use std::collections::BTreeMap;

use crate::baseline::row_labels::RowLabels;
use crate::error::Result;
use crate::labels::gold::{Gold, Prediction};
use crate::labels::labels::Labels;
use crate::metric::evaluation::Evaluation;
use crate::metric::metric::Metric;
use crate::task::task::Task;

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

/// The one answer of the majority baseline to every row of a task.
#[derive(Clone, Debug, PartialEq)]
pub enum MajorityAnswer {
    /// The most frequent label, or the mean score.
    Prediction(Prediction),
    /// The most frequent first reference of free text, or of any number of labels.
    Text(String),
}

impl MajorityAnswer {
    /// Determines the answer from the labels of the training split.
    pub fn new(task: &Task, train: &RowLabels<'_>) -> Self {
        if !task.labels().is_text() {
            return Self::Prediction(MajorityBaseline::new(task.labels(), &train.gold).prediction);
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for references in train.references.iter() {
            *counts.entry(references.first().map_or("", String::as_str)).or_default() += 1;
        }
        // Ties go to the first text in sorted order.
        let most_frequent = counts.into_iter().rev().max_by_key(|&(_, count)| count);
        Self::Text(most_frequent.map_or("", |(text, _)| text).to_owned())
    }

    /// Returns the answer as in the data file; labels of which a row has any number are separated
    /// by commas. It is `None` if there were no training rows.
    pub fn label(&self, labels: &Labels) -> Option<String> {
        match self {
            Self::Prediction(Prediction::Unknown) => None,
            Self::Prediction(prediction) => Some(labels.raw_text(*prediction)),
            Self::Text(text) => Some(labels.raw_answer(text)),
        }
    }

    /// Evaluates the answer on rows of a split.
    ///
    /// # Errors
    ///
    /// When a metric cannot be computed.
    pub fn evaluate(&self, task: &Task, rows: &RowLabels<'_>) -> Result<Evaluation> {
        match self {
            Self::Prediction(prediction) => rows.evaluate(task, &vec![*prediction; rows.len()]),
            Self::Text(text) => rows.evaluate_texts(task, &vec![text.clone(); rows.len()]),
        }
    }
}
