use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::example::{Example, SourceLocation};
use crate::score::{self, Scale};

/// What the labels of a task mean, as a configuration says it.
///
/// | TOML | Meaning |
/// |---|---|
/// | `{ "0" = "negative", "1" = "positive" }` | the word of each label, in this order |
/// | `["entailment", "not_entailment"]` | labels that are words themselves, in this order |
/// | `"verbatim"` | labels are words themselves; the whole training split says which, in sorted order |
/// | `"regression"` | labels are scores from 0 to 5, a word every 0.2 |
/// | `{ regression = { lowest = 1, highest = 3, step = 0.5 } }` | labels are scores of another scale, see [`Scale`] |
/// | `"text"` | labels are free text; a field with several texts holds several that are right, the first of them the target |
/// | `{ text = { references = "answers" } }` | the same, where another field has the texts that are right |
/// | `{ choices = ["choice1", "choice2"] }` | each row brings its own candidates, in these fields; the label `0` says that the first is right, `1` the second |
/// | `{ choices = { "a" = "choice1", "b" = "choice2" } }` | the same for other labels |
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LabelsConfig {
    /// Pairs of a label and its word.
    Words(Vec<(String, String)>),
    /// Labels are words themselves, collected from the training split.
    Verbatim,
    /// Labels are scores.
    Regression(Scale),
    /// Labels are free text.
    Text {
        /// The field with the texts that are right, where it is not the field with the label.
        references: Option<String>,
    },
    /// Pairs of a label and the field of the row with its candidate.
    Choices(Vec<(String, String)>),
}

impl LabelsConfig {
    /// Labels and their words.
    pub fn words<L: Into<String>, W: Into<String>>(
        words: impl IntoIterator<Item = (L, W)>,
    ) -> Self {
        Self::Words(words.into_iter().map(|(label, word)| (label.into(), word.into())).collect())
    }

    /// Free text, with everything that is right in the field with the label.
    pub fn text() -> Self {
        Self::Text { references: None }
    }

    /// Fields with the candidates of a row; labels number them from 0.
    pub fn choices<F: Into<String>>(fields: impl IntoIterator<Item = F>) -> Self {
        let fields = fields.into_iter().enumerate();
        Self::Choices(fields.map(|(label, field)| (label.to_string(), field.into())).collect())
    }
}

impl Serialize for LabelsConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Words(words) => Table(words).serialize(serializer),
            Self::Verbatim => serializer.serialize_str("verbatim"),
            Self::Regression(scale) if *scale == Scale::default() => {
                serializer.serialize_str("regression")
            }
            Self::Regression(scale) => one(serializer, "regression", scale),
            Self::Text { references: None } => serializer.serialize_str("text"),
            Self::Text { references } => {
                one(serializer, "text", &TextOptions { references: references.clone() })
            }
            Self::Choices(choices) => one(serializer, "choices", &Table(choices)),
        }
    }
}

/// Pairs as a table, in their order.
struct Table<'a>(&'a [(String, String)]);

impl Serialize for Table<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// A table with one entry.
fn one<S: Serializer>(
    serializer: S,
    key: &'static str,
    value: &impl Serialize,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(key, value)?;
    map.end()
}

impl<'de> Deserialize<'de> for LabelsConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelsVisitor)
    }
}

/// What stands behind `text`.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TextOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<String>,
}

struct LabelsVisitor;

impl<'de> Visitor<'de> for LabelsVisitor {
    type Value = LabelsConfig;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "a table from labels to words, a list of words, `\"verbatim\"`, `\"regression\"`, `\"text\"` or `{ choices = [...] }`",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<LabelsConfig, E> {
        match text {
            "verbatim" => Ok(LabelsConfig::Verbatim),
            "regression" => Ok(LabelsConfig::Regression(Scale::default())),
            "text" => Ok(LabelsConfig::text()),
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
        while let Some(label) = map.next_key::<String>()? {
            // A label of one of these names has a word, which is a string and no table.
            let word_or_special = match label.as_str() {
                "choices" => map.next_value::<WordOr<Choices>>()?.map(|choices| choices.0),
                "regression" => map.next_value::<WordOr<Scale>>()?.map(LabelsConfig::Regression),
                "text" => map
                    .next_value::<WordOr<TextOptions>>()?
                    .map(|options| LabelsConfig::Text { references: options.references }),
                _ => WordOr::Word(map.next_value()?),
            };
            match word_or_special {
                WordOr::Word(word) => words.push((label, word)),
                WordOr::Other(special) => {
                    if !words.is_empty() || map.next_key::<String>()?.is_some() {
                        let message =
                            format!("expected `{label}` alone in `labels`, found others beside it");
                        return Err(de::Error::custom(message));
                    }
                    return Ok(special);
                }
            }
        }
        Ok(LabelsConfig::Words(words))
    }
}

/// A string, or a table or list of something else.
enum WordOr<T> {
    Word(String),
    Other(T),
}

impl<T> WordOr<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> WordOr<U> {
        match self {
            Self::Word(word) => WordOr::Word(word),
            Self::Other(other) => WordOr::Other(change(other)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for WordOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrVisitor(PhantomData))
    }
}

struct WordOrVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for WordOrVisitor<T> {
    type Value = WordOr<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a word, or a table of options")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<WordOr<T>, E> {
        Ok(WordOr::Word(word.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<WordOr<T>, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(list)).map(WordOr::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WordOr<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(WordOr::Other)
    }
}

/// Fields with candidates: a list, whose labels are numbers, or a table from labels to fields.
struct Choices(LabelsConfig);

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoicesVisitor)
    }
}

struct ChoicesVisitor;

impl<'de> Visitor<'de> for ChoicesVisitor {
    type Value = Choices;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of fields, or a table from labels to fields")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Choices, A::Error> {
        let mut fields: Vec<String> = Vec::new();
        while let Some(field) = list.next_element()? {
            fields.push(field);
        }
        Ok(Choices(LabelsConfig::choices(fields)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Choices, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Choices(LabelsConfig::Choices(pairs)))
    }
}

/// The labels of a task: which texts a target can be, and what a label in a file means.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    kind: Kind,
    /// What is ranked; of choices, the fields that have the texts.
    words: Vec<String>,
}

/// What labels are, as files have them.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// These, each with a word.
    Words(Vec<String>),
    /// These, each with a field of the row.
    Choices(Vec<String>),
    Scores(Scale),
    Text {
        references: Option<String>,
    },
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
        let (raw, words) = told_apart(pairs)?;
        Ok(Self { kind: Kind::Words(raw), words })
    }

    /// Scores from 0 to 5, a word every 0.2.
    pub fn regression() -> Self {
        let scale = Scale::default();
        Self { kind: Kind::Scores(scale), words: scale.words() }
    }

    /// Scores of a scale.
    ///
    /// # Errors
    ///
    /// Those of [`Scale::check`].
    pub fn scores(scale: Scale) -> Result<Self> {
        scale.check()?;
        Ok(Self { kind: Kind::Scores(scale), words: scale.words() })
    }

    /// Free text; what is right stands in the field with the label, or in another one.
    pub fn free_text(references: Option<String>) -> Self {
        Self { kind: Kind::Text { references }, words: Vec::new() }
    }

    /// Labels that say which field of the row has the right one of its candidates, in the order given.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), with the fields as words, and [`Error::NoLabels`] for one candidate alone.
    pub fn choices<L: Into<String>, F: Into<String>>(
        pairs: impl IntoIterator<Item = (L, F)>,
    ) -> Result<Self> {
        let (raw, words) = told_apart(pairs)?;
        if words.len() < 2 {
            return Err(Error::NoLabels { found: "one choice alone" });
        }
        Ok(Self { kind: Kind::Choices(raw), words })
    }

    /// The labels that a configuration tells of; none for [`LabelsConfig::Verbatim`], which the rows tell of.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new), [`scores`](Self::scores) and [`choices`](Self::choices).
    pub fn of_config(config: &LabelsConfig) -> Result<Option<Self>> {
        Ok(Some(match config {
            LabelsConfig::Words(words) => Self::new(words.iter().cloned())?,
            LabelsConfig::Verbatim => return Ok(None),
            LabelsConfig::Regression(scale) => Self::scores(*scale)?,
            LabelsConfig::Text { references } => Self::free_text(references.clone()),
            LabelsConfig::Choices(choices) => Self::choices(choices.iter().cloned())?,
        }))
    }

    /// All texts that a target can be; a label's index is its position here. These are ranked to predict.
    ///
    /// Free text has none. Where rows bring their own candidates, these are the names of their fields.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The label, as files have it, whose word stands at an index of [`words`](Self::words); none for scores and free text.
    pub fn raw(&self, index: usize) -> Option<&str> {
        self.raw_labels()?.get(index).map(String::as_str)
    }

    fn raw_labels(&self) -> Option<&[String]> {
        match &self.kind {
            Kind::Words(raw) | Kind::Choices(raw) => Some(raw),
            Kind::Scores(_) | Kind::Text { .. } => None,
        }
    }

    /// Whether labels are scores.
    pub fn is_regression(&self) -> bool {
        matches!(self.kind, Kind::Scores(_))
    }

    /// Whether labels are free text.
    pub fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text { .. })
    }

    /// The field with the texts that are right, where it is another than that of the label.
    pub(crate) fn references(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text { references } => references.as_deref(),
            _ => None,
        }
    }

    /// The fields with a row's own candidates, where rows bring them.
    pub fn choice_fields(&self) -> Option<&[String]> {
        matches!(self.kind, Kind::Choices(_)).then_some(&self.words)
    }

    /// A row's own candidates, in the order of [`choice_fields`](Self::choice_fields); none where words are ranked.
    ///
    /// # Errors
    ///
    /// Those of [`Example::require`], for a field that the row lacks.
    pub fn choices_of(&self, example: &Example) -> Result<Vec<String>> {
        let fields = self.choice_fields().unwrap_or_default();
        fields.iter().map(|field| example.require(field).map(str::to_owned)).collect()
    }

    /// Index of a word among [`words`](Self::words).
    pub fn index(&self, word: &str) -> Option<usize> {
        self.words.iter().position(|known| known == word)
    }

    /// What a label in a file means.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLabel`] or [`Error::Score`], with the row's location.
    pub fn gold(&self, label: &str, location: &SourceLocation) -> Result<Gold> {
        match &self.kind {
            Kind::Words(raw) | Kind::Choices(raw) => {
                raw.iter().position(|known| known == label).map(Gold::Label).ok_or_else(|| {
                    Error::UnknownLabel {
                        location: location.clone(),
                        label: label.to_owned(),
                        known: raw.clone(),
                    }
                })
            }
            Kind::Scores(scale) => score::parse(label)
                .filter(|&score| scale.contains(score))
                .map(Gold::Score)
                .ok_or_else(|| Error::Score {
                    location: location.clone(),
                    lowest: scale.lowest,
                    highest: scale.highest,
                    found: label.to_owned(),
                }),
            Kind::Text { .. } => Ok(Gold::Text),
        }
    }

    /// Index of the word that a row with this meaning has as its target.
    pub fn target(&self, gold: Gold) -> usize {
        match (gold, &self.kind) {
            (Gold::Label(index), _) => index,
            (Gold::Score(score), Kind::Scores(scale)) => scale.nearest(score),
            _ => 0,
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

    /// The prediction that a generated text says; free text says none.
    pub fn read(&self, text: &str) -> Prediction {
        if self.is_regression() {
            return score::parse(text).map_or(Prediction::Unknown, Prediction::Score);
        }
        self.index(text.trim()).map_or(Prediction::Unknown, Prediction::Label)
    }

    /// A prediction as a text: the label's word, or a score as the scale's words spell it; empty for none.
    pub fn text(&self, prediction: Prediction) -> String {
        match (prediction, &self.kind) {
            (Prediction::Label(index), _) => self.words[index].clone(),
            (Prediction::Score(score), Kind::Scores(scale)) => scale.spell(score),
            (Prediction::Score(score), _) => score.to_string(),
            (Prediction::Unknown, _) => String::new(),
        }
    }

    /// The prediction of the word at an index.
    pub fn prediction(&self, index: usize) -> Prediction {
        match &self.kind {
            Kind::Scores(scale) => Prediction::Score(scale.value(index)),
            _ => Prediction::Label(index),
        }
    }

    /// The configuration that says the same.
    pub(crate) fn to_config(&self) -> LabelsConfig {
        let pairs = |raw: &[String]| raw.iter().cloned().zip(self.words.iter().cloned()).collect();
        match &self.kind {
            Kind::Words(raw) => LabelsConfig::Words(pairs(raw)),
            Kind::Choices(raw) => LabelsConfig::Choices(pairs(raw)),
            Kind::Scores(scale) => LabelsConfig::Regression(*scale),
            Kind::Text { references } => LabelsConfig::Text { references: references.clone() },
        }
    }
}

/// Labels and their words, every one once.
fn told_apart<L: Into<String>, W: Into<String>>(
    pairs: impl IntoIterator<Item = (L, W)>,
) -> Result<(Vec<String>, Vec<String>)> {
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
    Ok((raw, words))
}

/// What a row's label means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gold {
    /// Index of its word among [`Labels::words`].
    Label(usize),
    /// A score as the file has it, not rounded.
    Score(f64),
    /// Free text; the row has it.
    Text,
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

    fn location() -> SourceLocation {
        SourceLocation::new(Path::new("dev.tsv"), 3)
    }

    #[test]
    fn labels_mean_the_index_of_their_word() {
        let labels = Labels::new([("0", "negative"), ("1", "positive")]).unwrap();
        assert_eq!(labels.gold("1", &location()).unwrap(), Gold::Label(1));
        let message = labels.gold("positive", &location()).unwrap_err().to_string();
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
