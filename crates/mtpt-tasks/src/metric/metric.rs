//! The metrics, over pairs of gold labels and predictions.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::labels::gold::{Gold, Prediction};
use crate::labels::labels::Labels;
use crate::metric::classification::{
    accuracy, f1, group_exact_match, macro_f1, matthews, micro_f1, ratio,
};
use crate::metric::correlation::{pearson, spearman};
use crate::metric::error::MetricError;
use crate::metric::{bleu, rouge, squad};

/// A metric. Values are fractions from 0 to 1, except for correlations.
///
/// Tests compare the values with those of scikit-learn, scipy, sacrebleu, `rouge_score` and SQuAD's
/// script.
///
/// In TOML: `metrics = ["accuracy", { f1 = { positive = "equivalent" } }]`.
///
/// | Labels | Metrics |
/// |---|---|
/// | words, or candidates of the row | `accuracy`, `f1`, `f1a`, `macro_f1`, `micro_f1`, `matthews`, `group_exact_match` |
/// | scores | `pearson`, `spearman` |
/// | free text | `exact_match`, `squad_f1`, `rouge_1`, `rouge_2`, `rouge_l`, `rouge_lsum`, `bleu` |
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Metric {
    /// Fraction of correct predictions, see [`accuracy`].
    Accuracy,
    /// F1 of one label word, see [`f1`].
    F1 {
        /// The positive word.
        positive: String,
    },
    /// F1 over all answers to all questions, MultiRC's name for [`F1`](Self::F1) (Khashabi et al.
    /// 2018, section 4).
    F1a {
        /// The positive word.
        positive: String,
    },
    /// Fraction of groups with correct predictions only, see [`group_exact_match`]. For MultiRC,
    /// the groups are questions.
    GroupExactMatch {
        /// Template of a row's group, such as `{question_id}`.
        group: String,
    },
    /// Mean F1 of the labels, see [`macro_f1`].
    MacroF1,
    /// Micro-averaged F1 of some labels, see [`micro_f1`].
    ///
    /// Over all labels it equals the accuracy, so a negative class is usually excluded.
    MicroF1 {
        /// The words that are counted.
        labels: Vec<String>,
    },
    /// Matthews correlation, see [`matthews`].
    Matthews,
    /// Pearson correlation, see [`pearson`].
    Pearson,
    /// Spearman rank correlation, see [`spearman`].
    Spearman,
    /// Fraction of texts that match a reference, see [`squad::exact_match`].
    ExactMatch,
    /// Mean word F1, see [`squad::f1`].
    SquadF1,
    /// Mean unigram F1 with the best matching reference, see [`rouge::rouge_n`].
    #[serde(rename = "rouge_1")]
    Rouge1,
    /// Mean bigram F1 with the best matching reference, see [`rouge::rouge_n`].
    #[serde(rename = "rouge_2")]
    Rouge2,
    /// Mean F1 of the longest common subsequence with the best matching reference, see
    /// [`rouge::rouge_l`].
    RougeL,
    /// Sentence-level variant with the best matching reference, see [`rouge::rouge_lsum`].
    RougeLsum,
    /// Corpus-level BLEU, see [`bleu::bleu`].
    Bleu,
}

/// Kind of labels that a metric applies to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Words,
    Scores,
    Texts,
}

impl Kind {
    fn of(labels: &Labels) -> Self {
        if labels.is_text() {
            Self::Texts
        } else if labels.is_regression() {
            Self::Scores
        } else {
            Self::Words
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Words => "label words",
            Self::Scores => "scores (`labels = \"regression\"`)",
            Self::Texts => "free text (`labels = \"text\"`)",
        }
    }
}

impl Metric {
    /// Returns the name in files and tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::F1 { .. } => "f1",
            Self::F1a { .. } => "f1a",
            Self::GroupExactMatch { .. } => "group_exact_match",
            Self::MacroF1 => "macro_f1",
            Self::MicroF1 { .. } => "micro_f1",
            Self::Matthews => "matthews",
            Self::Pearson => "pearson",
            Self::Spearman => "spearman",
            Self::ExactMatch => "exact_match",
            Self::SquadF1 => "squad_f1",
            Self::Rouge1 => "rouge_1",
            Self::Rouge2 => "rouge_2",
            Self::RougeL => "rouge_l",
            Self::RougeLsum => "rouge_lsum",
            Self::Bleu => "bleu",
        }
    }

    /// Returns the template of a row's group, if the metric is over groups.
    pub(crate) fn group(&self) -> Option<&str> {
        match self {
            Self::GroupExactMatch { group } => Some(group),
            _ => None,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Accuracy
            | Self::F1 { .. }
            | Self::F1a { .. }
            | Self::GroupExactMatch { .. }
            | Self::MacroF1
            | Self::MicroF1 { .. }
            | Self::Matthews => Kind::Words,
            Self::Pearson | Self::Spearman => Kind::Scores,
            Self::ExactMatch
            | Self::SquadF1
            | Self::Rouge1
            | Self::Rouge2
            | Self::RougeL
            | Self::RougeLsum
            | Self::Bleu => Kind::Texts,
        }
    }

    /// Checks that the metric applies to the labels.
    pub(crate) fn check(&self, labels: &Labels) -> Result<()> {
        let (expected, found) = (self.kind(), Kind::of(labels));
        if expected != found {
            let (expected, found) = (expected.name(), found.name());
            return Err(MetricError::WrongLabels { metric: self.name(), expected, found }.into());
        }
        match self {
            Self::F1 { positive } | Self::F1a { positive } if labels.index(positive).is_none() => {
                let (metric, word, known) =
                    (self.name(), positive.clone(), labels.words().to_vec());
                Err(MetricError::PositiveWord { metric, word, known }.into())
            }
            Self::MicroF1 { labels: counted } => {
                let unknown = counted.iter().find(|word| labels.index(word).is_none());
                let found = match unknown {
                    Some(word) => format!("`{word}`"),
                    None if counted.is_empty() => "none".to_owned(),
                    None => return Ok(()),
                };
                let (metric, known) = (self.name(), labels.words().to_vec());
                Err(MetricError::CountedWords { metric, found, known }.into())
            }
            _ => Ok(()),
        }
    }

    /// Returns the value over rows with words or scores; the groups are those of
    /// [`group_exact_match`].
    pub(crate) fn value(
        &self,
        labels: &Labels,
        rows: &[(Gold, Prediction)],
        groups: &[usize],
    ) -> f64 {
        let classes: Vec<(usize, usize)> = match self.kind() {
            Kind::Words => rows.iter().map(|&row| class(row, labels.words().len())).collect(),
            Kind::Scores | Kind::Texts => Vec::new(),
        };
        let scores = || rows.iter().map(|&row| scores(row)).collect::<Vec<_>>();
        match self {
            Self::Accuracy => accuracy(&classes),
            Self::F1 { positive } | Self::F1a { positive } => {
                labels.index(positive).map_or(0.0, |positive| f1(&classes, positive))
            }
            Self::GroupExactMatch { .. } => group_exact_match(&classes, groups),
            Self::MacroF1 => macro_f1(&classes),
            Self::MicroF1 { labels: counted } => {
                let counted = counted.iter().filter_map(|word| labels.index(word));
                micro_f1(&classes, &counted.collect::<Vec<_>>())
            }
            Self::Matthews => matthews(&classes),
            Self::Pearson => pearson(&scores()),
            Self::Spearman => spearman(&scores()),
            _ => 0.0,
        }
    }

    /// Returns the value over texts and their references; 0 for a metric of other labels.
    pub(crate) fn value_of_texts(&self, predictions: &[String], references: &[Vec<String>]) -> f64 {
        let mean = |value: &dyn Fn(&str, &[String]) -> f64| {
            let rows = predictions.iter().zip(references);
            ratio(rows.map(|(text, right)| value(text, right)).sum(), predictions.len() as f64)
        };
        let best = |value: &dyn Fn(&str, &str) -> f64| {
            mean(&|text, references| {
                references.iter().map(|reference| value(text, reference)).fold(0.0, f64::max)
            })
        };
        match self {
            Self::ExactMatch => {
                mean(&|text, references| f64::from(squad::exact_match(text, references)))
            }
            Self::SquadF1 => mean(&squad::f1::<String>),
            Self::Rouge1 => best(&|text, reference| rouge::rouge_n(text, reference, 1)),
            Self::Rouge2 => best(&|text, reference| rouge::rouge_n(text, reference, 2)),
            Self::RougeL => best(&rouge::rouge_l),
            Self::RougeLsum => best(&rouge::rouge_lsum),
            Self::Bleu => bleu::bleu(predictions, references),
            _ => 0.0,
        }
    }
}

/// Returns a row as two classes. A value that is not a label becomes a class that no row has.
fn class((gold, prediction): (Gold, Prediction), classes: usize) -> (usize, usize) {
    let gold = if let Gold::Label(index) = gold { index } else { classes };
    (gold, if let Prediction::Label(index) = prediction { index } else { classes + 1 })
}

/// Returns a row as two scores. A text that is not a number counts as -1, as in T5's evaluation.
fn scores((gold, prediction): (Gold, Prediction)) -> (f64, f64) {
    let gold = match gold {
        Gold::Score(score) => score,
        Gold::Label(index) => index as f64,
        Gold::Text => f64::NAN,
    };
    let prediction = match prediction {
        Prediction::Score(score) => score,
        Prediction::Label(index) => index as f64,
        Prediction::Unknown => -1.0,
    };
    (gold, prediction)
}
