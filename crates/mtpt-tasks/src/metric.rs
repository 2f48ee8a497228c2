//! Measures of predictions, over pairs of what is right and what was predicted.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::labels::{Gold, Labels, Prediction};

/// How predictions are judged. Values are fractions: 1 is perfect. Tests hold them to scikit-learn's and
/// scipy's.
///
/// In TOML: `metrics = ["accuracy", { f1 = { positive = "equivalent" } }]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Metric {
    /// Share of rows predicted right, see [`accuracy`].
    Accuracy,
    /// F1 of one label word, see [`f1`].
    F1 {
        /// The word that counts as positive.
        positive: String,
    },
    /// Mean of the F1 of every label, see [`macro_f1`].
    MacroF1,
    /// Matthews' correlation, see [`matthews`].
    Matthews,
    /// Pearson's correlation of scores, see [`pearson`].
    Pearson,
    /// Spearman's rank correlation of scores, see [`spearman`].
    Spearman,
}

impl Metric {
    /// Name in files and tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::F1 { .. } => "f1",
            Self::MacroF1 => "macro_f1",
            Self::Matthews => "matthews",
            Self::Pearson => "pearson",
            Self::Spearman => "spearman",
        }
    }

    /// Whether the metric judges these labels at all.
    pub(crate) fn check(&self, labels: &Labels) -> Result<()> {
        let judges_scores = matches!(self, Self::Pearson | Self::Spearman);
        if judges_scores != labels.is_regression() {
            let (scores, words) = ("scores (`labels = \"regression\"`)", "label words");
            let (expected, found) = if judges_scores { (scores, words) } else { (words, scores) };
            return Err(Error::MetricKind { metric: self.name(), expected, found });
        }
        match self {
            Self::F1 { positive } if labels.index(positive).is_none() => {
                Err(Error::PositiveWord { word: positive.clone(), known: labels.words().to_vec() })
            }
            _ => Ok(()),
        }
    }

    /// The metric's value over rows.
    pub(crate) fn value(&self, labels: &Labels, rows: &[(Gold, Prediction)]) -> f64 {
        let classes: Vec<(usize, usize)> = match self {
            Self::Pearson | Self::Spearman => Vec::new(),
            _ => rows.iter().map(|&row| class(row, labels.words().len())).collect(),
        };
        match self {
            Self::Accuracy => accuracy(&classes),
            Self::F1 { positive } => {
                labels.index(positive).map_or(0.0, |positive| f1(&classes, positive))
            }
            Self::MacroF1 => macro_f1(&classes),
            Self::Matthews => matthews(&classes),
            Self::Pearson => pearson(&rows.iter().map(|&row| scores(row)).collect::<Vec<_>>()),
            Self::Spearman => spearman(&rows.iter().map(|&row| scores(row)).collect::<Vec<_>>()),
        }
    }
}

/// A row as two classes; what is no class is one of its own, which no row has.
fn class((gold, prediction): (Gold, Prediction), classes: usize) -> (usize, usize) {
    let gold = if let Gold::Label(index) = gold { index } else { classes };
    (gold, if let Prediction::Label(index) = prediction { index } else { classes + 1 })
}

/// A row as two numbers. A text that is no number counts as -1, as in T5's own evaluation.
fn scores((gold, prediction): (Gold, Prediction)) -> (f64, f64) {
    let gold = match gold {
        Gold::Score(score) => score,
        Gold::Label(index) => index as f64,
    };
    let prediction = match prediction {
        Prediction::Score(score) => score,
        Prediction::Label(index) => index as f64,
        Prediction::Unknown => -1.0,
    };
    (gold, prediction)
}

/// Share of pairs (gold, predicted) that agree; 0 for no pair.
pub fn accuracy(pairs: &[(usize, usize)]) -> f64 {
    let right = pairs.iter().filter(|(gold, predicted)| gold == predicted).count();
    ratio(right as f64, pairs.len() as f64)
}

/// Harmonic mean of precision and recall of one class over pairs (gold, predicted), from 0 to 1; 0 if the class occurs
/// nowhere.
pub fn f1(pairs: &[(usize, usize)], positive: usize) -> f64 {
    let hits = pairs.iter().filter(|&&pair| pair == (positive, positive)).count();
    let gold = pairs.iter().filter(|(gold, _)| *gold == positive).count();
    let predicted = pairs.iter().filter(|(_, predicted)| *predicted == positive).count();
    ratio(2.0 * hits as f64, (gold + predicted) as f64)
}

/// Mean of [`f1`] over the classes that occur, as gold or predicted; 0 for no pair.
///
/// These are the classes that scikit-learn averages over when none are named. A prediction that is no label word is a
/// class of its own, with an F1 of 0.
pub fn macro_f1(pairs: &[(usize, usize)]) -> f64 {
    let classes = classes(pairs);
    ratio(classes.iter().map(|&class| f1(pairs, class)).sum(), classes.len() as f64)
}

/// Matthews' correlation of pairs (gold, predicted), for any number of classes.
///
/// The K-category statistic of Gorodkin (2004, "Comparing two K-category assignments by a K-category correlation
/// coefficient"), which for two classes is that of Matthews (1975). From -1 to 1, and 0 where it is undefined: no pair, or
/// one class alone on either side, such as a constant prediction.
pub fn matthews(pairs: &[(usize, usize)]) -> f64 {
    let rows = pairs.len() as f64;
    let right = pairs.iter().filter(|(gold, predicted)| gold == predicted).count() as f64;
    let (mut both, mut gold_squares, mut predicted_squares) = (0.0, 0.0, 0.0);
    for class in classes(pairs) {
        let gold = pairs.iter().filter(|pair| pair.0 == class).count() as f64;
        let predicted = pairs.iter().filter(|pair| pair.1 == class).count() as f64;
        both += gold * predicted;
        gold_squares += gold * gold;
        predicted_squares += predicted * predicted;
    }
    // Whole numbers all, so that the differences are exact below 2^53.
    let spread = (rows * rows - gold_squares) * (rows * rows - predicted_squares);
    ratio(right * rows - both, spread.sqrt())
}

/// Pearson's correlation of pairs of numbers; 0 where it is undefined: fewer than two pairs, a constant side, or
/// numbers that are not finite. From -1 to 1.
pub fn pearson(pairs: &[(f64, f64)]) -> f64 {
    let constant =
        |side: fn(&(f64, f64)) -> f64| pairs.windows(2).all(|two| side(&two[0]) == side(&two[1]));
    // Rounding could leave a constant side a spread other than 0.
    if constant(|pair| pair.0) || constant(|pair| pair.1) {
        return 0.0;
    }
    let count = pairs.len() as f64;
    let mean = (
        pairs.iter().map(|pair| pair.0).sum::<f64>() / count,
        pairs.iter().map(|pair| pair.1).sum::<f64>() / count,
    );
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for pair in pairs {
        let (a, b) = (pair.0 - mean.0, pair.1 - mean.1);
        both += a * b;
        first += a * a;
        second += b * b;
    }
    ratio(both, first.sqrt() * second.sqrt()).clamp(-1.0, 1.0)
}

/// Spearman's rank correlation of pairs of numbers: [`pearson`] of their ranks, where equal numbers share the mean of
/// their ranks. 0 where that is undefined.
pub fn spearman(pairs: &[(f64, f64)]) -> f64 {
    if pairs.iter().any(|pair| !pair.0.is_finite() || !pair.1.is_finite()) {
        return 0.0;
    }
    let first = ranks(pairs.iter().map(|pair| pair.0).collect());
    let second = ranks(pairs.iter().map(|pair| pair.1).collect());
    pearson(&first.into_iter().zip(second).collect::<Vec<_>>())
}

/// Rank of each number; equal numbers share the mean of their ranks.
fn ranks(numbers: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    // -0 and 0 are equal numbers, so their order among one another does not matter.
    order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut start = 0;
    for ties in order.chunk_by(|&a, &b| numbers[a] == numbers[b]) {
        for &index in ties {
            ranks[index] = start as f64 + (ties.len() + 1) as f64 / 2.0;
        }
        start += ties.len();
    }
    ranks
}

fn classes(pairs: &[(usize, usize)]) -> Vec<usize> {
    let mut classes: Vec<usize> =
        pairs.iter().flat_map(|&(gold, predicted)| [gold, predicted]).collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// A quotient, 0 where it is undefined.
fn ratio(part: f64, whole: f64) -> f64 {
    let ratio = part / whole;
    if ratio.is_finite() { ratio } else { 0.0 }
}
