//! The metrics, over pairs of gold labels and predictions.

use serde::{Deserialize, Serialize};

use crate::labels::gold::{Gold, Prediction};
use crate::labels::labels::Labels;
use crate::metric::classification::{
    accuracy, f1, group_exact_match, macro_f1, matthews, micro_f1, ratio,
};
use crate::metric::correlation::{pearson, spearman};
use crate::metric::deviation::{mean_absolute_error, root_mean_squared_error};
use crate::metric::multi_label::LabelSets;
use crate::metric::{bleu, multi_label, rouge, squad};

/// A metric. Values are fractions from 0 to 1, except for correlations and errors: see
/// [`Unit`](crate::metric::Unit).
///
/// Tests compare the values with those of scikit-learn, scipy, sacrebleu, `rouge_score` and SQuAD's
/// script.
///
/// In TOML: `metrics = ["accuracy", { f1 = { positive = "equivalent" } }]`.
///
/// | Labels | Metrics |
/// |---|---|
/// | words, or candidates of the row | `accuracy`, `f1`, `f1a`, `macro_f1`, `micro_f1`, `matthews`, `group_exact_match` |
/// | any number of labels per row | `micro_f1`, `macro_f1`, `sample_f1`, `subset_accuracy`, `hamming_score` |
/// | scores | `pearson`, `spearman`, `rmse`, `mae` |
/// | free text | `exact_match`, `squad_f1`, `squad_v2_f1`, `squad_v2_exact_match`, `squad_v2_has_answer_f1`, `squad_v2_has_answer_exact_match`, `squad_v2_no_answer_accuracy`, `rouge_1`, `rouge_2`, `rouge_l`, `rouge_lsum`, `bleu` |
///
/// `"f1"` alone is the F1 of the label `1` or `true` of a task with two labels, and `"micro_f1"`
/// alone counts all labels of a task with any number of labels per row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, remote = "Self")]
#[non_exhaustive]
pub enum Metric {
    /// Fraction of correct predictions, see [`accuracy`].
    Accuracy,
    /// F1 of one label word, see [`f1`].
    F1 {
        /// The positive word; empty for that of the label `1` or `true`.
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
        /// The words that are counted; none for all labels of a task with several per row.
        labels: Vec<String>,
    },
    /// Matthews correlation, see [`matthews`].
    Matthews,
    /// Pearson correlation, see [`pearson`].
    Pearson,
    /// Spearman rank correlation, see [`spearman`].
    Spearman,
    /// Root mean squared error, see [`root_mean_squared_error`]. A lower value is better.
    Rmse,
    /// Mean absolute error, see [`mean_absolute_error`]. A lower value is better.
    Mae,
    /// Mean F1 of the labels of a row, see [`multi_label::sample_f1`].
    SampleF1,
    /// Fraction of rows with correct labels only, see [`multi_label::subset_accuracy`].
    SubsetAccuracy,
    /// Fraction of correct decisions about labels, see [`multi_label::hamming_score`].
    HammingScore,
    /// Fraction of texts that match a reference, see [`squad::exact_match`].
    ExactMatch,
    /// Mean word F1, see [`squad::f1`].
    SquadF1,
    /// Mean word F1 of SQuAD 2.0, see [`squad::f1_v2`].
    #[serde(rename = "squad_v2_f1")]
    SquadV2F1,
    /// Fraction of exact matches of SQuAD 2.0, see [`squad::exact_match_v2`].
    #[serde(rename = "squad_v2_exact_match")]
    SquadV2ExactMatch,
    /// The same F1 over the questions with an answer.
    #[serde(rename = "squad_v2_has_answer_f1")]
    SquadV2HasAnswerF1,
    /// The same fraction over the questions with an answer.
    #[serde(rename = "squad_v2_has_answer_exact_match")]
    SquadV2HasAnswerExactMatch,
    /// Fraction of the questions without an answer that got none.
    #[serde(rename = "squad_v2_no_answer_accuracy")]
    SquadV2NoAnswerAccuracy,
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
            Self::Rmse => "rmse",
            Self::Mae => "mae",
            Self::SampleF1 => "sample_f1",
            Self::SubsetAccuracy => "subset_accuracy",
            Self::HammingScore => "hamming_score",
            Self::ExactMatch => "exact_match",
            Self::SquadF1 => "squad_f1",
            Self::SquadV2F1 => "squad_v2_f1",
            Self::SquadV2ExactMatch => "squad_v2_exact_match",
            Self::SquadV2HasAnswerF1 => "squad_v2_has_answer_f1",
            Self::SquadV2HasAnswerExactMatch => "squad_v2_has_answer_exact_match",
            Self::SquadV2NoAnswerAccuracy => "squad_v2_no_answer_accuracy",
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

    /// Returns the value over rows with words or scores; the groups are those of
    /// [`group_exact_match`].
    pub(crate) fn value(
        &self,
        labels: &Labels,
        rows: &[(Gold, Prediction)],
        groups: &[usize],
    ) -> f64 {
        let classes: Vec<(usize, usize)> =
            rows.iter().map(|&row| class(row, labels.words().len())).collect();
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
            Self::Rmse => root_mean_squared_error(&scores()),
            Self::Mae => mean_absolute_error(&scores()),
            _ => 0.0,
        }
    }

    /// Returns the value over rows with any number of labels; 0 for a metric of other labels.
    pub(crate) fn value_of_sets(&self, words: &[String], rows: &[LabelSets]) -> f64 {
        match self {
            Self::MicroF1 { labels } => {
                let counted = words.iter().enumerate();
                let counted =
                    counted.filter(|(_, word)| labels.is_empty() || labels.contains(word));
                multi_label::micro_f1(rows, &counted.map(|(label, _)| label).collect::<Vec<_>>())
            }
            Self::MacroF1 => multi_label::macro_f1(rows, words.len()),
            Self::SampleF1 => multi_label::sample_f1(rows),
            Self::SubsetAccuracy => multi_label::subset_accuracy(rows),
            Self::HammingScore => multi_label::hamming_score(rows, words.len()),
            _ => 0.0,
        }
    }

    /// Returns the value over texts and their references; 0 for a metric of other labels.
    pub(crate) fn value_of_texts(&self, predictions: &[String], references: &[Vec<String>]) -> f64 {
        let mean = |value: &dyn Fn(&str, &[String]) -> f64| {
            let rows = predictions.iter().zip(references);
            ratio(rows.map(|(text, right)| value(text, right)).sum(), predictions.len() as f64)
        };
        // Mean over the questions with or without an answer.
        let mean_of = |answered: bool, value: &dyn Fn(&str, &[String]) -> f64| {
            let rows = predictions.iter().zip(references);
            let rows: Vec<_> =
                rows.filter(|(_, right)| squad::has_no_answer(right) != answered).collect();
            let sum = rows.iter().map(|(text, right)| value(text, right)).sum();
            ratio(sum, rows.len() as f64)
        };
        let exact_v2 = |text: &str, right: &[String]| f64::from(squad::exact_match_v2(text, right));
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
            Self::SquadV2F1 => mean(&squad::f1_v2::<String>),
            Self::SquadV2ExactMatch => mean(&exact_v2),
            Self::SquadV2HasAnswerF1 => {
                let f1 = |text: &str, right: &[String]| squad::f1_v2(text, right);
                mean_of(true, &f1)
            }
            Self::SquadV2HasAnswerExactMatch => mean_of(true, &exact_v2),
            Self::SquadV2NoAnswerAccuracy => mean_of(false, &exact_v2),
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
pub(crate) fn class((gold, prediction): (Gold, Prediction), classes: usize) -> (usize, usize) {
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
