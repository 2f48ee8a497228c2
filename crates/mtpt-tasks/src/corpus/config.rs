use std::fmt;
use std::path::PathBuf;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::corpus::documents::DocumentFormat;
use crate::corpus::objective::ObjectiveName;
use crate::data::encoding::Encoding;
use crate::error::Result;
use crate::task::id::TaskId;

/// Definition of a corpus in a configuration file, validated by
/// [`Corpus::new`](crate::corpus::Corpus::new).
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `name` | | name of the corpus, a [`TaskId`] |
/// | `train` | | training file, or a list of files |
/// | `dev` | none | validation file, or a list of files |
/// | `format` | by the file extension | `text` or `json_lines`, see [`DocumentFormat`] |
/// | `encoding` | that of the byte order mark, otherwise UTF-8 | encoding of the files, see [`Encoding`] |
/// | `objective` | | `span_corruption` or `prefix_lm`, see [`ObjectiveName`] |
/// | `noise_density` | 0.15 | `span_corruption` only: fraction of tokens in spans |
/// | `mean_span_length` | 3.0 | `span_corruption` only: mean number of tokens of a span |
/// | `pack` | `true` for `span_corruption`, `false` for `prefix_lm` | whether a chunk may contain several documents, see [`Chunks`](crate::corpus::Chunks) |
/// | `weight` | 1.0 | sampling weight relative to other corpora, above 0 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusConfig {
    /// Name of the corpus.
    pub name: TaskId,
    /// Training files.
    #[serde(deserialize_with = "one_or_more")]
    pub train: Vec<PathBuf>,
    /// Validation files.
    #[serde(default, deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    pub dev: Vec<PathBuf>,
    /// Format of the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<DocumentFormat>,
    /// Encoding of the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// Objective of pretraining.
    pub objective: ObjectiveName,
    /// Fraction of tokens in spans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_density: Option<f64>,
    /// Mean number of tokens of a span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_span_length: Option<f64>,
    /// Whether a chunk may contain several documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<bool>,
    /// Sampling weight relative to other corpora.
    #[serde(default = "one")]
    pub weight: f64,
}

fn one() -> f64 {
    1.0
}

/// A path or a list of paths.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    struct Paths;
    impl<'de> Visitor<'de> for Paths {
        type Value = Vec<PathBuf>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a path or a list of paths")
        }

        fn visit_str<E>(self, path: &str) -> Result<Self::Value, E> {
            Ok(vec![path.into()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut paths = Vec::new();
            while let Some(path) = list.next_element()? {
                paths.push(path);
            }
            Ok(paths)
        }
    }
    deserializer.deserialize_any(Paths)
}
