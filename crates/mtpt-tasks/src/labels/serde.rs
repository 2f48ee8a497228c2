use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::labels::config::LabelsConfig;
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
            Self::Text { references: None } => serializer.serialize_str("text"),
            Self::Text { references } => {
                one(serializer, "text", &TextOptions { references: references.clone() })
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
            // A label with one of these names has a word, which is a string and not a table.
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
