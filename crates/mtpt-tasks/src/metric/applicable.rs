//! The labels that each metric applies to.

use crate::error::Result;
use crate::labels::labels::Labels;
use crate::metric::error::MetricError;
use crate::metric::metric::Metric;

/// Kind of labels that a metric applies to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Words,
    Sets,
    Scores,
    Texts,
}

impl Kind {
    fn of(labels: &Labels) -> Self {
        if labels.is_multi_label() {
            Self::Sets
        } else if labels.is_text() {
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
            Self::Sets => "any number of labels per row (`labels = { multi_label = [...] }`)",
            Self::Scores => "scores (`labels = \"regression\"`)",
            Self::Texts => "free text (`labels = \"text\"`)",
        }
    }

    /// Returns metrics that are usual for these labels.
    fn usual(self) -> &'static str {
        match self {
            Self::Words => "`accuracy`, `macro_f1` or `matthews`",
            Self::Sets => "`micro_f1`, `macro_f1`, `sample_f1` or `subset_accuracy`",
            Self::Scores => "`pearson`, `spearman`, `rmse` or `mae`",
            Self::Texts => "`squad_f1`, `exact_match`, `rouge_l` or `bleu`",
        }
    }
}

/// Returns the kinds of labels that a metric applies to, the usual one first.
fn kinds(metric: &Metric) -> &'static [Kind] {
    match metric {
        Metric::Accuracy
        | Metric::F1 { .. }
        | Metric::F1a { .. }
        | Metric::GroupExactMatch { .. }
        | Metric::Matthews => &[Kind::Words],
        Metric::MacroF1 | Metric::MicroF1 { .. } => &[Kind::Words, Kind::Sets],
        Metric::SampleF1 | Metric::SubsetAccuracy | Metric::HammingScore => &[Kind::Sets],
        Metric::Pearson | Metric::Spearman | Metric::Rmse | Metric::Mae => &[Kind::Scores],
        Metric::ExactMatch
        | Metric::SquadF1
        | Metric::SquadV2F1
        | Metric::SquadV2ExactMatch
        | Metric::SquadV2HasAnswerF1
        | Metric::SquadV2HasAnswerExactMatch
        | Metric::SquadV2NoAnswerAccuracy
        | Metric::Rouge1
        | Metric::Rouge2
        | Metric::RougeL
        | Metric::RougeLsum
        | Metric::Bleu => &[Kind::Texts],
    }
}

impl Metric {
    /// Checks that the metric applies to the labels, and fills in a positive word that is certain.
    ///
    /// # Errors
    ///
    /// Returns [`MetricError::WrongLabels`], [`MetricError::PositiveWord`],
    /// [`MetricError::NoPositive`], [`MetricError::CountedWords`] or [`MetricError::Version`].
    pub(crate) fn complete(&mut self, labels: &Labels) -> Result<()> {
        let (kinds, found) = (kinds(self), Kind::of(labels));
        if !kinds.contains(&found) {
            let metric = self.name();
            let (expected, usual) = (kinds[0].name(), found.usual());
            let found = found.name();
            return Err(MetricError::WrongLabels { metric, expected, found, usual }.into());
        }
        let metric = self.name();
        let known = || labels.multi_labels().map_or(labels.words(), |(_, words)| words).to_vec();
        match self {
            Self::F1 { positive } | Self::F1a { positive } if positive.is_empty() => {
                let word = positive_word(labels);
                *positive =
                    word.ok_or_else(|| MetricError::NoPositive { metric, known: known() })?;
            }
            Self::F1 { positive } | Self::F1a { positive } if labels.index(positive).is_none() => {
                let (word, known) = (positive.clone(), known());
                return Err(MetricError::PositiveWord { metric, word, known }.into());
            }
            Self::MicroF1 { labels: counted } => {
                let known = known();
                let found = match counted.iter().find(|word| !known.contains(word)) {
                    Some(word) => format!("`{word}`"),
                    None if counted.is_empty() && found == Kind::Words => "none".to_owned(),
                    None => return Ok(()),
                };
                return Err(MetricError::CountedWords { metric, found, known }.into());
            }
            Self::SquadF1 | Self::ExactMatch if labels.no_answer().is_some() => {
                let instead =
                    if *self == Self::SquadF1 { "squad_v2_f1" } else { "squad_v2_exact_match" };
                return Err(MetricError::Version { metric, instead }.into());
            }
            _ => {}
        }
        Ok(())
    }
}

/// Returns the word of the label `1` or `true` if there are two labels, as scikit-learn's
/// `f1_score` takes the label 1 as positive.
fn positive_word(labels: &Labels) -> Option<String> {
    let words = labels.words();
    let is_positive = |index: &usize| {
        let raw = labels.raw(*index).map(str::to_lowercase);
        matches!(raw.as_deref(), Some("1" | "1.0" | "true"))
    };
    let mut positive = (0..words.len()).filter(is_positive);
    match (words.len(), positive.next(), positive.next()) {
        (2, Some(index), None) => Some(words[index].clone()),
        _ => None,
    }
}
