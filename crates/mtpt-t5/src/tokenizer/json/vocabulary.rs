use std::fmt::{self, Formatter};

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokenizers::models::bpe::{Merges, Vocab};

/// Tokens of a model. The library's parser would keep the whole list in other forms as well.
#[derive(Debug)]
pub(crate) enum Vocabulary {
    /// Tokens with their ids.
    Ids(Vocab),
    /// Pieces with their scores, in the order of their ids.
    Scores(Vec<(String, f64)>),
}

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tokens;

        impl<'de> Visitor<'de> for Tokens {
            type Value = Vocabulary;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
                formatter.write_str("tokens with ids, or pieces with scores")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocabulary, A::Error> {
                let mut ids = Vocab::default();
                while let Some((token, id)) = map.next_entry()? {
                    ids.insert(token, id);
                }
                Ok(Vocabulary::Ids(ids))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vocabulary, A::Error> {
                let mut scores = Vec::new();
                while let Some(piece) = list.next_element()? {
                    scores.push(piece);
                }
                Ok(Vocabulary::Scores(scores))
            }
        }

        deserializer.deserialize_any(Tokens)
    }
}

/// Pairs of tokens that are merged, the first ones first.
#[derive(Debug)]
pub(crate) struct MergeList(pub(crate) Merges);

/// A pair, or both with a space between them, as older files have it.
struct Merge(String, String);

impl<'de> Deserialize<'de> for MergeList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = MergeList;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
                formatter.write_str("pairs of tokens")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<MergeList, A::Error> {
                let mut merges = Vec::new();
                while let Some(Merge(left, right)) = list.next_element()? {
                    merges.push((left, right));
                }
                // The first line of a file `merges.txt`.
                merges.retain(|(left, _): &(String, String)| !left.starts_with("#version"));
                Ok(MergeList(merges))
            }
        }

        deserializer.deserialize_seq(List)
    }
}

impl<'de> Deserialize<'de> for Merge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pair;

        impl<'de> Visitor<'de> for Pair {
            type Value = Merge;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
                formatter.write_str("two tokens")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Merge, E> {
                match text.split_once(' ') {
                    Some((left, right)) if !right.contains(' ') => {
                        Ok(Merge(left.to_owned(), right.to_owned()))
                    }
                    _ => Err(E::custom("expected two tokens")),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Merge, A::Error> {
                match (list.next_element()?, list.next_element()?, list.next_element()?) {
                    (Some(left), Some(right), None::<String>) => Ok(Merge(left, right)),
                    _ => Err(A::Error::custom("expected two tokens")),
                }
            }
        }

        deserializer.deserialize_any(Pair)
    }
}
