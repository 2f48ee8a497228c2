use mtpt_tasks::metric::squad;
use mtpt_tasks::{Evaluation, Gold, Labels, Prediction, Split};

use crate::error::Result;
use crate::task_data::TaskData;

/// Predictions for the rows of a split of a task, in the order of the rows.
#[derive(Clone, Debug, PartialEq)]
pub enum RowPredictions {
    /// The best of the ranked label words, or of the row's own candidates.
    Ranked(Vec<RankedRow>),
    /// Generated texts.
    Generated(Vec<String>),
}

/// Prediction for a row whose labels are ranked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankedRow {
    /// The label with the highest log-probability.
    pub prediction: Prediction,
    /// Its probability relative to all labels of the row.
    pub probability: f64,
    /// Negative logarithm of the gold label's probability relative to all labels, in nats.
    pub gold_loss: f64,
}

impl RankedRow {
    /// Ranks the labels of a row by their log-probabilities.
    pub(crate) fn new(labels: &Labels, gold: Option<Gold>, scores: &[f64]) -> Result<Self> {
        let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
        let gold = gold.and_then(|gold| scores.get(labels.target(gold)));
        Ok(Self {
            prediction: labels.rank(scores)?,
            probability: 1.0 / sum,
            gold_loss: gold.map_or(f64::NAN, |gold| sum.ln() + highest - gold),
        })
    }
}

impl RowPredictions {
    /// Evaluates the predictions by the metrics of the task.
    ///
    /// # Errors
    ///
    /// When a metric cannot be computed.
    pub fn evaluate(&self, data: &TaskData, split: Split) -> Result<Evaluation> {
        let labels = data.row_labels(split);
        Ok(match self {
            Self::Ranked(rows) => {
                let predictions: Vec<_> = rows.iter().map(|row| row.prediction).collect();
                labels.evaluate(data.task(), &predictions)?
            }
            Self::Generated(texts) => labels.evaluate_texts(data.task(), texts)?,
        })
    }

    /// Returns the mean of the rows' losses relative to all labels, if labels are ranked.
    pub fn label_loss(&self) -> Option<f64> {
        let Self::Ranked(rows) = self else { return None };
        let loss = rows.iter().map(|row| row.gold_loss).sum::<f64>() / rows.len() as f64;
        loss.is_finite().then_some(loss)
    }

    /// Returns the probability of the prediction for a row relative to all labels, if they are
    /// ranked.
    pub(crate) fn probability(&self, row: usize) -> Option<f64> {
        match self {
            Self::Ranked(rows) => Some(rows[row].probability),
            Self::Generated(_) => None,
        }
    }

    /// Returns the prediction for a row as in the data file, or the generated text.
    pub(crate) fn raw_text(&self, labels: &Labels, row: usize) -> String {
        match self {
            Self::Ranked(rows) => labels.raw_text(rows[row].prediction),
            Self::Generated(texts) => labels.raw_answer(&texts[row]),
        }
    }

    /// Returns the distance of the prediction for a row from its gold label: 0 if it is correct.
    /// For scores, it is the error unless the prediction is the nearest one of the scale.
    pub(crate) fn distance(
        &self,
        labels: &Labels,
        gold: Gold,
        references: &[String],
        row: usize,
    ) -> f64 {
        let is_correct = match self {
            Self::Ranked(rows) => {
                let prediction = rows[row].prediction;
                if prediction == labels.prediction(labels.target(gold)) {
                    true
                } else if let (Gold::Score(gold), Prediction::Score(score)) = (gold, prediction) {
                    return (gold - score).abs();
                } else {
                    false
                }
            }
            Self::Generated(texts) => {
                let text = &texts[row];
                match labels.labels_in(text) {
                    Some(found) => {
                        references.first().and_then(|gold| labels.labels_in(gold)) == Some(found)
                    }
                    None => squad::exact_match(text, references),
                }
            }
        };
        if is_correct { 0.0 } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_and_probabilities_are_relative_to_the_labels() {
        let labels = Labels::new([("0", "no"), ("1", "yes")]).unwrap();
        // Most of the probability is that of other texts, which doesn't count.
        let scores = [-9.0, -9.0 + 3.0_f64.ln()];
        let row = RankedRow::new(&labels, Some(Gold::Label(0)), &scores).unwrap();
        assert_eq!(row.prediction, Prediction::Label(1));
        // Rounding of the logarithms.
        assert!((row.probability - 0.75).abs() < 1e-12);
        assert!((row.gold_loss - 4.0_f64.ln()).abs() < 1e-12);
        let equal = RankedRow::new(&labels, Some(Gold::Label(1)), &[-2.0, -2.0]).unwrap();
        assert!((equal.gold_loss - 2.0_f64.ln()).abs() < 1e-12);
    }
}
