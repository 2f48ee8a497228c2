use crate::data::error::DataError;
use crate::data::example::Example;
use crate::data::location::SourceLocation;
use crate::error::{Error, Result};
use crate::labels::config::LabelsConfig;
use crate::labels::error::LabelsError;
use crate::labels::gold::{Gold, Prediction};
use crate::labels::multi_label::{MultiLabel, MultiLabelConfig, separator_of};
use crate::labels::raw_labels::RawLabels;
use crate::labels::scale::{Scale, parse_score};

/// The labels of a task: the target texts, and the meaning of labels in files.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    kind: Kind,
    /// The ranked texts; for choices, the fields with the texts.
    words: Vec<String>,
}

/// Kind of labels in files.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// Labels with words.
    Words(RawLabels),
    /// Labels that select a field of the row.
    Choices(RawLabels),
    Scores(Scale),
    Text {
        references: Option<String>,
        no_answer: Option<String>,
    },
    /// Any number of labels per row.
    Several(MultiLabel),
}

impl Labels {
    /// Creates labels with words, in the order given. Labels that differ in case alone, or look the
    /// same, are spellings of the first of them if they have the same word.
    ///
    /// # Errors
    ///
    /// Returns [`LabelsError::NoLabels`], [`LabelsError::DuplicateLabel`],
    /// [`LabelsError::SameLabel`], [`LabelsError::EmptyWord`] or [`LabelsError::SharedWord`].
    pub fn new<L: Into<String>, W: Into<String>>(
        pairs: impl IntoIterator<Item = (L, W)>,
    ) -> Result<Self> {
        let (raw, words) = RawLabels::with_words(pairs)?;
        Ok(Self { kind: Kind::Words(raw), words })
    }

    /// Creates scores from 0 to 5, with a word every 0.2.
    pub fn regression() -> Self {
        let scale = Scale::default();
        Self { kind: Kind::Scores(scale), words: scale.words() }
    }

    /// Creates scores of a scale.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Scale::check`].
    pub fn scores(scale: Scale) -> Result<Self> {
        scale.check()?;
        Ok(Self { kind: Kind::Scores(scale), words: scale.words() })
    }

    /// Creates free text, with references in the label field or in another one.
    pub fn free_text(references: Option<String>) -> Self {
        Self { kind: Kind::Text { references, no_answer: None }, words: Vec::new() }
    }

    /// Creates labels of which a row has any number.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), [`LabelsError::CommaInWord`], [`LabelsError::WordIsNone`],
    /// [`LabelsError::None`] or [`LabelsError::EmptySeparator`].
    pub fn multi_label(config: &MultiLabelConfig) -> Result<Self> {
        Ok(Self { kind: Kind::Several(MultiLabel::new(config)?), words: Vec::new() })
    }

    /// Creates labels that select one of a row's own candidates by its field, in the order given.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and [`LabelsError::NoLabels`] for a single candidate.
    pub fn choices<L: Into<String>, F: Into<String>>(
        pairs: impl IntoIterator<Item = (L, F)>,
    ) -> Result<Self> {
        let (raw, words) = RawLabels::with_words(pairs)?;
        if words.len() < 2 {
            return Err(LabelsError::NoLabels { found: "one choice alone" }.into());
        }
        Ok(Self { kind: Kind::Choices(raw), words })
    }

    /// Creates the labels of a configuration, or `None` for [`LabelsConfig::Verbatim`], whose
    /// labels are collected from the rows.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`new`](Self::new), [`scores`](Self::scores),
    /// [`choices`](Self::choices) and [`multi_label`](Self::multi_label).
    pub fn of_config(config: &LabelsConfig) -> Result<Option<Self>> {
        Ok(Some(match config {
            LabelsConfig::Words(words) => Self::new(words.iter().cloned())?,
            LabelsConfig::Verbatim => return Ok(None),
            LabelsConfig::Regression(scale) => Self::scores(*scale)?,
            LabelsConfig::Text { references, no_answer } => {
                let (references, no_answer) = (references.clone(), no_answer.clone());
                Self { kind: Kind::Text { references, no_answer }, words: Vec::new() }
            }
            LabelsConfig::MultiLabel(config) => Self::multi_label(config)?,
            LabelsConfig::Choices(choices) => Self::choices(choices.iter().cloned())?,
        }))
    }

    /// Returns the target texts that are ranked for a prediction; a label's index is its position.
    ///
    /// Free text has none. For choices, these are the names of the fields.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Returns the label in files for the word at an index, or `None` for scores and free text.
    pub fn raw(&self, index: usize) -> Option<&str> {
        self.raw_labels()?.get(index).map(String::as_str)
    }

    fn raw_labels(&self) -> Option<&[String]> {
        match &self.kind {
            Kind::Words(raw) | Kind::Choices(raw) => Some(raw.as_slice()),
            Kind::Several(labels) => Some(labels.raw()),
            Kind::Scores(_) | Kind::Text { .. } => None,
        }
    }

    /// Returns whether labels are scores.
    pub fn is_regression(&self) -> bool {
        matches!(self.kind, Kind::Scores(_))
    }

    /// Returns the scale, if labels are scores.
    pub fn scale(&self) -> Option<&Scale> {
        if let Kind::Scores(scale) = &self.kind { Some(scale) } else { None }
    }

    /// Returns whether targets are generated as text: free text, or the words of any number of
    /// labels.
    pub fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text { .. } | Kind::Several(_))
    }

    /// Returns whether a row has any number of labels.
    pub fn is_multi_label(&self) -> bool {
        matches!(self.kind, Kind::Several(_))
    }

    /// Returns the labels in files and their words, if a row has any number of labels.
    pub fn multi_labels(&self) -> Option<(&[String], &[String])> {
        self.several().map(|labels| (labels.raw(), labels.words()))
    }

    /// Returns the indices of the labels that a generated text names, in their order; other words
    /// are ignored. It is `None` for other kinds of labels.
    pub fn labels_in(&self, text: &str) -> Option<Vec<usize>> {
        self.several().map(|labels| labels.parse(text))
    }

    pub(crate) fn several(&self) -> Option<&MultiLabel> {
        if let Kind::Several(labels) = &self.kind { Some(labels) } else { None }
    }

    /// Returns the target of rows without an answer, if free text may be missing.
    pub fn no_answer(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text { no_answer, .. } => no_answer.as_deref(),
            _ => None,
        }
    }

    /// Returns a separator that divides a label into several known ones.
    pub(crate) fn separator_of(&self, label: &str) -> Option<&'static str> {
        if let Kind::Words(raw) = &self.kind { separator_of(label, raw) } else { None }
    }

    /// Returns the field with the references, if it is not the label field.
    pub(crate) fn references(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text { references, .. } => references.as_deref(),
            _ => None,
        }
    }

    /// Returns the fields with a row's own candidates, if there are any.
    pub fn choice_fields(&self) -> Option<&[String]> {
        matches!(self.kind, Kind::Choices(_)).then_some(&self.words)
    }

    /// Returns a row's own candidates in the order of [`choice_fields`](Self::choice_fields).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Example::require`].
    pub fn choices_of(&self, example: &Example) -> Result<Vec<String>> {
        let fields = self.choice_fields().unwrap_or_default();
        fields.iter().map(|field| example.require(field).map(str::to_owned)).collect()
    }

    /// Returns the index of a word among [`words`](Self::words).
    pub fn index(&self, word: &str) -> Option<usize> {
        self.words.iter().position(|known| known == word)
    }

    /// Returns the gold label for a label in a file.
    ///
    /// A label may differ from that of the task in the composition of its characters (NFC or NFD),
    /// in blanks, in marks without a glyph, or as `1.0` does from `1`.
    ///
    /// # Errors
    ///
    /// Returns [`DataError::UnknownLabel`] or [`DataError::Score`], with the row's location.
    pub fn gold(&self, label: &str, location: &SourceLocation) -> Result<Gold> {
        match &self.kind {
            Kind::Words(raw) | Kind::Choices(raw) => {
                raw.position(label).map(Gold::Label).ok_or_else(|| {
                    Error::from(DataError::UnknownLabel {
                        location: location.clone(),
                        label: label.to_owned(),
                        known: raw.as_slice().to_vec(),
                    })
                })
            }
            Kind::Scores(scale) => parse_score(label)
                .filter(|&score| scale.contains(score))
                .map(Gold::Score)
                .ok_or_else(|| {
                    Error::from(DataError::Score {
                        location: location.clone(),
                        lowest: scale.lowest,
                        highest: scale.highest,
                        found: label.to_owned(),
                    })
                }),
            Kind::Text { .. } | Kind::Several(_) => Ok(Gold::Text),
        }
    }

    /// Returns the index of the target word for a gold label.
    pub fn target(&self, gold: Gold) -> usize {
        match (gold, &self.kind) {
            (Gold::Label(index), _) => index,
            (Gold::Score(score), Kind::Scores(scale)) => scale.nearest(score),
            _ => 0,
        }
    }

    /// Returns the prediction with the highest score, given one score per word.
    ///
    /// The first of equal scores wins. NaN never wins; if all scores are NaN, the prediction is
    /// [`Prediction::Unknown`].
    ///
    /// # Errors
    ///
    /// Returns [`LabelsError::ScoreCount`] if the number of scores differs from the number of
    /// words.
    pub fn rank(&self, scores: &[f64]) -> Result<Prediction> {
        if scores.len() != self.words.len() {
            return Err(LabelsError::ScoreCount {
                expected: self.words.len(),
                found: scores.len(),
            }
            .into());
        }
        let mut best: Option<(usize, f64)> = None;
        for (index, &score) in scores.iter().enumerate() {
            if !score.is_nan() && best.is_none_or(|(_, highest)| score > highest) {
                best = Some((index, score));
            }
        }
        Ok(best.map_or(Prediction::Unknown, |(index, _)| self.prediction(index)))
    }

    /// Returns the prediction for a generated text, which is unknown for free text.
    pub fn read(&self, text: &str) -> Prediction {
        if self.is_regression() {
            return parse_score(text).map_or(Prediction::Unknown, Prediction::Score);
        }
        self.index(text.trim()).map_or(Prediction::Unknown, Prediction::Label)
    }

    /// Returns a prediction as text: the label word, or a score with the digits of the scale. Empty
    /// for an unknown prediction.
    pub fn text(&self, prediction: Prediction) -> String {
        match (prediction, &self.kind) {
            (Prediction::Label(index), _) => self.words[index].clone(),
            (Prediction::Score(score), Kind::Scores(scale)) => scale.spell(score),
            (Prediction::Score(score), _) => score.to_string(),
            (Prediction::Unknown, _) => String::new(),
        }
    }

    /// Returns the prediction for the word at an index.
    pub fn prediction(&self, index: usize) -> Prediction {
        match &self.kind {
            Kind::Scores(scale) => Prediction::Score(scale.value(index)),
            _ => Prediction::Label(index),
        }
    }

    /// Returns an equivalent configuration.
    pub(crate) fn to_config(&self) -> LabelsConfig {
        let pairs = |raw: &RawLabels| raw.pairs(&self.words);
        match &self.kind {
            Kind::Words(raw) => LabelsConfig::Words(pairs(raw)),
            Kind::Choices(raw) => LabelsConfig::Choices(pairs(raw)),
            Kind::Scores(scale) => LabelsConfig::Regression(*scale),
            Kind::Text { references, no_answer } => {
                let (references, no_answer) = (references.clone(), no_answer.clone());
                LabelsConfig::Text { references, no_answer }
            }
            Kind::Several(labels) => LabelsConfig::MultiLabel(labels.to_config()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn location() -> SourceLocation {
        SourceLocation::new(Path::new("dev.tsv"), 3)
    }

    #[test]
    fn maps_labels_to_indices() {
        let labels = Labels::new([("0", "negative"), ("1", "positive")]).unwrap();
        assert_eq!(labels.gold("1", &location()).unwrap(), Gold::Label(1));
        let message = labels.gold("positive", &location()).unwrap_err().to_string();
        assert_eq!(message, "dev.tsv:3: expected one of the labels `0`, `1`, found `positive`");
    }

    #[test]
    fn rejects_invalid_words() {
        let message =
            |pairs: &[(&str, &str)]| Labels::new(pairs.iter().copied()).unwrap_err().to_string();
        assert_eq!(
            message(&[("0", "no"), ("1", "yes"), ("2", "no")]),
            "expected a distinct word for each label, but `0` and `2` share `no`"
        );
        assert_eq!(message(&[("0", " ")]), "expected a word for the label `0`, found an empty one");
        assert_eq!(
            message(&[("0", "a"), ("0", "b")]),
            "expected every label once, found `0` again"
        );
        assert!(message(&[]).ends_with("found an empty table"));
    }

    #[test]
    fn rounds_only_the_targets_of_scores() {
        let labels = Labels::regression();
        let gold = labels.gold("3.750", &location()).unwrap();
        assert_eq!(gold, Gold::Score(3.75));
        assert_eq!(labels.words()[labels.target(gold)], "3.8");
        for label in ["5.1", "-0.1", "nan", "", "high"] {
            let message = labels.gold(label, &location()).unwrap_err().to_string();
            assert_eq!(
                message,
                format!("dev.tsv:3: expected a score from 0 to 5, found `{label}`")
            );
        }
    }

    #[test]
    fn predicts_the_highest_score() {
        let labels = Labels::new([("0", "a"), ("1", "b"), ("2", "c")]).unwrap();
        let rank = |scores: &[f64]| labels.rank(scores).unwrap();
        assert_eq!(rank(&[-3.0, -1.0, -1.0]), Prediction::Label(1));
        assert_eq!(rank(&[f64::NAN, -9.0, f64::NEG_INFINITY]), Prediction::Label(1));
        assert_eq!(rank(&[f64::NAN; 3]), Prediction::Unknown);
        assert!(labels.rank(&[0.0]).is_err());
        let mut scores = vec![0.0; 26];
        scores[19] = 1.0;
        assert_eq!(Labels::regression().rank(&scores).unwrap(), Prediction::Score(3.8));
    }

    #[test]
    fn parses_generated_texts() {
        let labels = Labels::new([("0", "not_entailment"), ("1", "entailment")]).unwrap();
        assert_eq!(labels.read(" entailment"), Prediction::Label(1));
        assert_eq!(labels.read("entail"), Prediction::Unknown);
        assert_eq!(Labels::regression().read("4.2"), Prediction::Score(4.2));
        assert_eq!(Labels::regression().read("four"), Prediction::Unknown);
    }
}
