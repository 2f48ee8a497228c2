use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::example::Place;
use crate::score;

/// What the labels of a task mean, as a configuration says it.
///
/// | TOML | Meaning |
/// |---|---|
/// | `{ "0" = "negative", "1" = "positive" }` | the word of each label, in this order |
/// | `["entailment", "not_entailment"]` | labels that are words themselves, in this order |
/// | `"verbatim"` | labels are words themselves; the whole training split says which, in sorted order |
/// | `"regression"` | labels are scores from 0 to 5, see [`score`] |
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LabelsConfig {
    /// Pairs of a label and its word.
    Words(Vec<(String, String)>),
    /// Labels are words themselves, collected from the training split.
    Verbatim,
    /// Labels are scores.
    Regression,
}

impl LabelsConfig {
    /// Labels and their words.
    pub fn words<L: Into<String>, W: Into<String>>(
        words: impl IntoIterator<Item = (L, W)>,
    ) -> Self {
        Self::Words(words.into_iter().map(|(label, word)| (label.into(), word.into())).collect())
    }
}

impl Serialize for LabelsConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Words(words) => {
                let mut map = serializer.serialize_map(Some(words.len()))?;
                for (label, word) in words {
                    map.serialize_entry(label, word)?;
                }
                map.end()
            }
            Self::Verbatim => serializer.serialize_str("verbatim"),
            Self::Regression => serializer.serialize_str("regression"),
        }
    }
}

impl<'de> Deserialize<'de> for LabelsConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelsVisitor)
    }
}

struct LabelsVisitor;

impl<'de> Visitor<'de> for LabelsVisitor {
    type Value = LabelsConfig;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "a table from labels to words, a list of words, `\"verbatim\"` or `\"regression\"`",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<LabelsConfig, E> {
        match text {
            "verbatim" => Ok(LabelsConfig::Verbatim),
            "regression" => Ok(LabelsConfig::Regression),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<LabelsConfig, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = list.next_element::<String>()? {
            words.push((word.clone(), word));
        }
        Ok(LabelsConfig::Words(words))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LabelsConfig, A::Error> {
        let mut words = Vec::new();
        while let Some(pair) = map.next_entry()? {
            words.push(pair);
        }
        Ok(LabelsConfig::Words(words))
    }
}

/// The labels of a task: which texts a target can be, and what a label in a file means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Labels as files have them, or none for regression.
    raw: Option<Vec<String>>,
    words: Vec<String>,
}

impl Labels {
    /// Labels with a word for each, in the order given.
    ///
    /// # Errors
    ///
    /// [`Error::NoLabels`] for none, [`Error::DuplicateLabel`], [`Error::EmptyWord`], and [`Error::SharedWord`] where
    /// a prediction could not tell two labels apart.
    pub fn new<L: Into<String>, W: Into<String>>(
        pairs: impl IntoIterator<Item = (L, W)>,
    ) -> Result<Self> {
        let mut raw: Vec<String> = Vec::new();
        let mut words: Vec<String> = Vec::new();
        for (label, word) in pairs {
            let (label, word) = (label.into(), word.into());
            if raw.contains(&label) {
                return Err(Error::DuplicateLabel { label });
            }
            if word.trim().is_empty() {
                return Err(Error::EmptyWord { label });
            }
            if let Some(first) = words.iter().position(|other| *other == word) {
                let first = raw[first].clone();
                return Err(Error::SharedWord { first, second: label, word });
            }
            raw.push(label);
            words.push(word);
        }
        if words.is_empty() {
            return Err(Error::NoLabels { found: "an empty table" });
        }
        Ok(Self { raw: Some(raw), words })
    }

    /// Scores from 0 to 5.
    pub fn regression() -> Self {
        Self { raw: None, words: score::words() }
    }

    /// All texts that a target can be; a label's index is its position here. These are ranked to predict.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The label, as files have it, whose word stands at an index of [`words`](Self::words); none for regression.
    pub fn raw(&self, index: usize) -> Option<&str> {
        self.raw.as_ref()?.get(index).map(String::as_str)
    }

    /// Whether labels are scores.
    pub fn is_regression(&self) -> bool {
        self.raw.is_none()
    }

    /// Index of a word among [`words`](Self::words).
    pub fn index(&self, word: &str) -> Option<usize> {
        self.words.iter().position(|known| known == word)
    }

    /// What a label in a file means.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLabel`] or [`Error::Score`], with the row's place.
    pub fn gold(&self, label: &str, place: &Place) -> Result<Gold> {
        let Some(raw) = &self.raw else {
            return score::parse(label)
                .filter(|score| (score::MINIMUM..=score::MAXIMUM).contains(score))
                .map(Gold::Score)
                .ok_or_else(|| Error::Score { place: place.clone(), found: label.to_owned() });
        };
        raw.iter().position(|known| known == label).map(Gold::Label).ok_or_else(|| {
            Error::UnknownLabel {
                place: place.clone(),
                label: label.to_owned(),
                known: raw.clone(),
            }
        })
    }

    /// Index of the word that a row with this meaning has as its target.
    pub fn target(&self, gold: Gold) -> usize {
        match gold {
            Gold::Label(index) => index,
            Gold::Score(score) => score::nearest(score),
        }
    }

    /// The prediction that ranks highest: one score for each of [`words`](Self::words), larger is likelier.
    ///
    /// Of equal scores the first wins. Scores that are not a number never win; if all are such, the prediction is
    /// [`Prediction::Unknown`].
    ///
    /// # Errors
    ///
    /// [`Error::RankingCount`] if there are more or fewer scores than words.
    pub fn rank(&self, scores: &[f64]) -> Result<Prediction> {
        if scores.len() != self.words.len() {
            return Err(Error::RankingCount { expected: self.words.len(), found: scores.len() });
        }
        let mut best: Option<(usize, f64)> = None;
        for (index, &score) in scores.iter().enumerate() {
            if !score.is_nan() && best.is_none_or(|(_, highest)| score > highest) {
                best = Some((index, score));
            }
        }
        Ok(best.map_or(Prediction::Unknown, |(index, _)| self.prediction(index)))
    }

    /// The prediction that a generated text says.
    pub fn read(&self, text: &str) -> Prediction {
        if self.is_regression() {
            return score::parse(text).map_or(Prediction::Unknown, Prediction::Score);
        }
        self.index(text.trim()).map_or(Prediction::Unknown, Prediction::Label)
    }

    /// A prediction as a text: the label's word, or a score with one digit behind the point; empty for none.
    pub fn text(&self, prediction: Prediction) -> String {
        match prediction {
            Prediction::Label(index) => self.words[index].clone(),
            Prediction::Score(score) => format!("{score:.1}"),
            Prediction::Unknown => String::new(),
        }
    }

    /// The prediction of the word at an index.
    pub fn prediction(&self, index: usize) -> Prediction {
        match self.raw {
            Some(_) => Prediction::Label(index),
            None => Prediction::Score(score::value(index)),
        }
    }

    /// The configuration that says the same.
    pub(crate) fn to_config(&self) -> LabelsConfig {
        match &self.raw {
            Some(raw) => LabelsConfig::words(raw.iter().zip(&self.words)),
            None => LabelsConfig::Regression,
        }
    }
}

/// What a row's label means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gold {
    /// Index of its word among [`Labels::words`].
    Label(usize),
    /// A score as the file has it, not rounded.
    Score(f64),
}

/// What was predicted for a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Prediction {
    /// Index of a word among [`Labels::words`].
    Label(usize),
    /// A score.
    Score(f64),
    /// A text that is no label word, or no number.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn place() -> Place {
        Place::new(Path::new("dev.tsv"), 3)
    }

    #[test]
    fn labels_mean_the_index_of_their_word() {
        let labels = Labels::new([("0", "negative"), ("1", "positive")]).unwrap();
        assert_eq!(labels.gold("1", &place()).unwrap(), Gold::Label(1));
        let message = labels.gold("positive", &place()).unwrap_err().to_string();
        assert_eq!(message, "dev.tsv:3: expected one of the labels `0`, `1`, found `positive`");
    }

    #[test]
    fn words_that_cannot_be_told_apart_are_refused() {
        let message =
            |pairs: &[(&str, &str)]| Labels::new(pairs.iter().copied()).unwrap_err().to_string();
        assert_eq!(
            message(&[("0", "no"), ("1", "yes"), ("2", "no")]),
            "expected a word of its own for each label, but `0` and `2` share `no`"
        );
        assert_eq!(message(&[("0", " ")]), "expected a word for the label `0`, found an empty one");
        assert_eq!(
            message(&[("0", "a"), ("0", "b")]),
            "expected every label once, found `0` again"
        );
        assert!(message(&[]).ends_with("found an empty table"));
    }

    #[test]
    fn scores_keep_their_precision_and_their_target_is_rounded() {
        let labels = Labels::regression();
        let gold = labels.gold("3.750", &place()).unwrap();
        assert_eq!(gold, Gold::Score(3.75));
        assert_eq!(labels.words()[labels.target(gold)], "3.8");
        for label in ["5.1", "-0.1", "nan", "", "high"] {
            let message = labels.gold(label, &place()).unwrap_err().to_string();
            assert_eq!(
                message,
                format!("dev.tsv:3: expected a score from 0 to 5, found `{label}`")
            );
        }
    }

    #[test]
    fn the_highest_score_is_predicted() {
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
    fn generated_texts_are_read_back() {
        let labels = Labels::new([("0", "not_entailment"), ("1", "entailment")]).unwrap();
        assert_eq!(labels.read(" entailment"), Prediction::Label(1));
        assert_eq!(labels.read("entail"), Prediction::Unknown);
        assert_eq!(Labels::regression().read("4.2"), Prediction::Score(4.2));
        assert_eq!(Labels::regression().read("four"), Prediction::Unknown);
    }
}
