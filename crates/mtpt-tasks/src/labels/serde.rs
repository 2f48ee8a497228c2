use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::labels::config::LabelsConfig;
use crate::labels::multi_label::{MultiLabelConfig, MultiLabelOptions};
use crate::labels::scale::Scale;

impl Serialize for LabelsConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Words(words) => Table(words).serialize(serializer),
            Self::Verbatim => serializer.serialize_str("verbatim"),
            Self::Regression(scale) if *scale == Scale::default() => {
                serializer.serialize_str("regression")
            }
            Self::Regression(scale) => one(serializer, "regression", scale),
            Self::Text { references: None, no_answer: None } => serializer.serialize_str("text"),
            Self::Text { references, no_answer } => {
                let (references, no_answer) = (references.clone(), no_answer.clone());
                one(serializer, "text", &TextOptions { references, no_answer })
            }
            Self::MultiLabel(MultiLabelConfig { words, columns, separator, none }) => {
                let options = MultiLabelOptions {
                    labels: (!columns).then_some(Table(words)),
                    columns: columns.then_some(Table(words)),
                    separator: separator.clone(),
                    none: (none != MultiLabelConfig::NONE).then(|| none.clone()),
                };
                one(serializer, "multi_label", &options)
            }
            Self::Choices(choices) => one(serializer, "choices", &Table(choices)),
        }
    }
}

/// Serializes pairs as a table, in their order.
struct Table<'a>(&'a [(String, String)]);

impl Serialize for Table<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// Serializes a table with one entry.
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

/// Options of `text`.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TextOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_answer: Option<String>,
}

struct LabelsVisitor;

impl<'de> Visitor<'de> for LabelsVisitor {
    type Value = LabelsConfig;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "a table from labels to words, a list of words, `\"verbatim\"`, `\"regression\"`, `\"text\"`, `{ choices = [...] }` or `{ multi_label = [...] }`",
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

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<LabelsConfig, A::Error> {
        let LabelsAndWords(words) = Deserialize::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(LabelsConfig::Words(words))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LabelsConfig, A::Error> {
        let mut words = Vec::new();
        while let Some(label) = map.next_key::<String>()? {
            // A label with one of these names has a word, which is a string and not a table.
            let word_or_special = match label.as_str() {
                "choices" => map.next_value::<WordOr<Choices>>()?.map(|choices| choices.0),
                "regression" => map.next_value::<WordOr<Scale>>()?.map(LabelsConfig::Regression),
                "text" => map.next_value::<WordOr<TextOptions>>()?.map(
                    |TextOptions { references, no_answer }| LabelsConfig::Text {
                        references,
                        no_answer,
                    },
                ),
                "multi_label" => map.next_value::<WordOr<MultiLabelValue>>()?.map(|value| value.0),
                _ => WordOr::Word(map.next_value::<LabelText>()?.0),
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

/// A string, or a table or list.
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

/// A label or word: a string, or a number or boolean as it is written in data files.
struct LabelText(String);

impl<'de> Deserialize<'de> for LabelText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelTextVisitor)
    }
}

struct LabelTextVisitor;

impl Visitor<'_> for LabelTextVisitor {
    type Value = LabelText;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, a number or a boolean")
    }

    fn visit_str<E>(self, text: &str) -> Result<LabelText, E> {
        Ok(LabelText(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<LabelText, E> {
        Ok(LabelText(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<LabelText, E> {
        Ok(LabelText(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<LabelText, E> {
        // `{:?}` keeps a decimal point.
        Ok(LabelText(format!("{number:?}")))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<LabelText, E> {
        Ok(LabelText(truth.to_string()))
    }
}

/// Labels of which a row has any number: a list of labels, or a table of options.
struct MultiLabelValue(LabelsConfig);

impl<'de> Deserialize<'de> for MultiLabelValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MultiLabelVisitor)
    }
}

struct MultiLabelVisitor;

impl<'de> Visitor<'de> for MultiLabelVisitor {
    type Value = MultiLabelValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of labels, or a table with `labels` or `columns`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<MultiLabelValue, A::Error> {
        let LabelsAndWords(labels) = Deserialize::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(MultiLabelValue(LabelsConfig::MultiLabel(MultiLabelConfig::new(labels))))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MultiLabelValue, A::Error> {
        let MultiLabelOptions { labels, columns, separator, none } =
            Deserialize::deserialize(MapAccessDeserializer::new(map))?;
        let (LabelsAndWords(words), columns) = match (labels, columns) {
            (Some(labels), None) => (labels, false),
            (None, Some(columns)) => (columns, true),
            _ => return Err(de::Error::custom("expected `labels` or `columns` in `multi_label`")),
        };
        let none = none.unwrap_or_else(|| MultiLabelConfig::NONE.to_owned());
        let config = MultiLabelConfig { words, columns, separator, none };
        Ok(MultiLabelValue(LabelsConfig::MultiLabel(config)))
    }
}

/// A list of labels that are their own words, or a table from labels to words.
struct LabelsAndWords(Vec<(String, String)>);

impl<'de> Deserialize<'de> for LabelsAndWords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelsAndWordsVisitor)
    }
}

struct LabelsAndWordsVisitor;

impl<'de> Visitor<'de> for LabelsAndWordsVisitor {
    type Value = LabelsAndWords;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of labels, or a table from labels to words")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<LabelsAndWords, A::Error> {
        let mut words = Vec::new();
        while let Some(LabelText(word)) = list.next_element()? {
            words.push((word.clone(), word));
        }
        Ok(LabelsAndWords(words))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LabelsAndWords, A::Error> {
        let mut words = Vec::new();
        while let Some((LabelText(label), LabelText(word))) = map.next_entry()? {
            words.push((label, word));
        }
        Ok(LabelsAndWords(words))
    }
}

/// Fields with candidates: a list, whose labels are numbers from 0, or a table from labels to
/// fields.
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
