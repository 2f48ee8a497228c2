use crate::baseline::features::{SparseRow, TfidfFeatures};
use crate::baseline::linear_model::{HISTORY, LinearModel, Link};
use crate::labels::gold::{Gold, Prediction};
use crate::labels::labels::Labels;
use crate::labels::scale::Scale;
use crate::task::instance::Instance;

/// Maximum number of training texts; of more, evenly spaced ones are used.
const MAX_ROWS: usize = 20_000;
/// Maximum size of the parameters and the state of the optimizer, in bytes.
const MAX_BYTES: usize = 256 << 20;
/// Maximum number of weights. L-BFGS has two vectors per update in its history, and about ten more.
const MAX_WEIGHTS: usize = MAX_BYTES / (size_of::<f64>() * (2 * HISTORY + 10));
/// Penalty of logistic regression, scikit-learn's `C=10`.
const CLASS_PENALTY: f64 = 0.1;
/// Penalty of ridge regression, scikit-learn's default `alpha`.
const SCORE_PENALTY: f64 = 1.0;

/// A linear model on TF-IDF features of words and pairs of adjacent words: what is possible without
/// a language model.
///
/// Classes are predicted by logistic regression, any number of labels by one logistic regression
/// per label, and scores by ridge regression. The text is that of the template's fields: words of
/// the template itself occur in every row, and would only reduce the weight of the others.
///
/// The penalties are those of scikit-learn's `LogisticRegression(C=10)` and `Ridge(alpha=1)`. If
/// there are too many n-grams for 256 MB of memory, those in the most texts are used.
#[derive(Debug)]
pub struct TfidfBaseline {
    features: TfidfFeatures,
    model: LinearModel,
    outputs: Outputs,
    /// Number of labels.
    labels: usize,
}

/// The meaning of the model's outputs.
#[derive(Debug)]
enum Outputs {
    /// The probability of the second of two labels.
    Two([usize; 2]),
    /// The probability of each of these labels, of which exactly one is correct.
    One(Vec<usize>),
    /// The probability of each of these labels, of which any number are correct.
    Any(Vec<usize>),
    /// The score.
    Score(Scale),
}

/// Prediction of a [`TfidfBaseline`].
#[derive(Clone, Debug, PartialEq)]
pub enum TfidfPrediction {
    /// A label or a score.
    One(Prediction),
    /// Any number of labels.
    Labels(Vec<usize>),
}

impl TfidfBaseline {
    /// Fits a baseline to training rows, or returns none if the labels are free text or candidates
    /// of each row, the rows have a single label, or no text has a word.
    pub fn new(labels: &Labels, rows: &[Instance]) -> Option<Self> {
        let step = rows.len().div_ceil(MAX_ROWS).max(1);
        let rows: Vec<&Instance> = rows.iter().step_by(step).collect();
        let (outputs, targets) = targets(labels, &rows)?;
        let limit = MAX_WEIGHTS / targets.first()?.len();
        let features = TfidfFeatures::new(rows.iter().map(|row| row.text.as_str()), limit);
        if features.len() == 0 {
            return None;
        }
        let (link, penalty) = match outputs {
            Outputs::One(_) => (Link::Softmax, CLASS_PENALTY),
            Outputs::Two(_) | Outputs::Any(_) => (Link::Sigmoid, CLASS_PENALTY),
            Outputs::Score(_) => (Link::Identity, SCORE_PENALTY),
        };
        let inputs: Vec<SparseRow> = rows.iter().map(|row| features.of(&row.text)).collect();
        let model = LinearModel::fit(&inputs, features.len(), &targets, link, penalty)?;
        let labels = labels.multi_labels().map_or(labels.words(), |(_, words)| words).len();
        Some(Self { features, model, outputs, labels })
    }

    /// Returns the probability of each label for a text, or its score alone.
    pub fn outputs(&self, text: &str) -> Vec<f64> {
        let outputs = self.model.predict(&self.features.of(text));
        let mut probabilities = vec![0.0; self.labels];
        match &self.outputs {
            Outputs::Score(_) => return outputs,
            Outputs::Two([first, second]) => {
                probabilities[*first] = 1.0 - outputs[0];
                probabilities[*second] = outputs[0];
            }
            Outputs::One(labels) | Outputs::Any(labels) => {
                labels.iter().zip(outputs).for_each(|(&label, value)| probabilities[label] = value);
            }
        }
        probabilities
    }

    /// Predicts the label, the labels, or the score of a text.
    pub fn predict(&self, text: &str) -> TfidfPrediction {
        let outputs = self.outputs(text);
        match &self.outputs {
            Outputs::Score(scale) => {
                let score = outputs[0].clamp(scale.lowest, scale.highest);
                TfidfPrediction::One(Prediction::Score(score))
            }
            Outputs::Two(_) | Outputs::One(_) => {
                let best =
                    (0..self.labels).rev().max_by(|&a, &b| outputs[a].total_cmp(&outputs[b]));
                TfidfPrediction::One(best.map_or(Prediction::Unknown, Prediction::Label))
            }
            Outputs::Any(_) => {
                let likely = (0..self.labels).filter(|&label| outputs[label] > 0.5);
                TfidfPrediction::Labels(likely.collect())
            }
        }
    }
}

/// Returns whether labels are classes, scores or any number of labels per row, not free text or
/// candidates of each row.
pub(super) fn is_predictable(labels: &Labels) -> bool {
    labels.is_multi_label() || !(labels.is_text() || labels.choice_fields().is_some())
}

/// Returns the meaning of outputs and the targets of each row, if there is something to learn.
fn targets(labels: &Labels, rows: &[&Instance]) -> Option<(Outputs, Vec<Vec<f64>>)> {
    if let Some(scale) = labels.scale() {
        let score = |row: &&Instance| match row.gold {
            Gold::Score(score) => vec![score],
            Gold::Label(_) | Gold::Text => vec![0.0],
        };
        return Some((Outputs::Score(*scale), rows.iter().map(score).collect()));
    }
    let (several, words) = match labels.multi_labels() {
        Some((_, words)) => (true, words),
        None if !is_predictable(labels) => return None,
        None => (false, labels.words()),
    };
    let of_row = |row: &&Instance| match row.gold {
        Gold::Label(label) => vec![label],
        Gold::Score(_) | Gold::Text => labels.labels_in(&row.target).unwrap_or_default(),
    };
    let gold: Vec<Vec<usize>> = rows.iter().map(of_row).collect();
    let count = |label: usize| gold.iter().filter(|labels| labels.contains(&label)).count();
    // A label that no row or every row has is not learned.
    let present: Vec<usize> =
        (0..words.len()).filter(|&label| (1..gold.len()).contains(&count(label))).collect();
    let indicators = |outputs: &[usize]| {
        let row = |gold: &Vec<usize>| {
            outputs.iter().map(|label| f64::from(u8::from(gold.contains(label)))).collect()
        };
        gold.iter().map(row).collect::<Vec<Vec<f64>>>()
    };
    match (several, present.as_slice()) {
        (_, []) => None,
        (true, _) => Some((Outputs::Any(present.clone()), indicators(&present))),
        (false, &[_]) => None,
        (false, &[first, second]) => Some((Outputs::Two([first, second]), indicators(&[second]))),
        (false, _) => Some((Outputs::One(present.clone()), indicators(&present))),
    }
}
