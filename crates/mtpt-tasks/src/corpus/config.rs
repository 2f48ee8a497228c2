use std::fmt;
use std::path::PathBuf;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::corpus::documents::DocumentFormat;
use crate::corpus::objective::ObjectiveName;
use crate::error::Result;
use crate::task::id::TaskId;

/// A corpus as a configuration file describes it; [`Corpus::new`] checks it.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `name` | | the corpus' name, a [`TaskId`] |
/// | `train` | | a file, or a list of files, to learn from |
/// | `dev` | none | a file, or a list, whose loss is measured |
/// | `format` | by the file's ending | `text` or `json_lines`, see [`DocumentFormat`] |
/// | `objective` | | `span_corruption` ([`SpanCorruption`]) or `prefix_lm` ([`PrefixLm`]) |
/// | `noise_density` | 0.15 | `span_corruption` alone: share of the tokens that are lost |
/// | `mean_span_length` | 3.0 | `span_corruption` alone: tokens of a span on average |
/// | `pack` | `true` for `span_corruption`, `false` for `prefix_lm` | whether a chunk may hold tokens of several documents, see [`Chunks`](crate::Chunks) |
/// | `weight` | 1.0 | how often it occurs beside the others, above 0 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusConfig {
    /// Name of the corpus.
    pub name: TaskId,
    /// Files to learn from.
    #[serde(deserialize_with = "one_or_more")]
    pub train: Vec<PathBuf>,
    /// Files whose loss is measured.
    #[serde(default, deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    pub dev: Vec<PathBuf>,
    /// How the files are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<DocumentFormat>,
    /// What is made of a chunk.
    pub objective: ObjectiveName,
    /// Share of the tokens that are lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_density: Option<f64>,
    /// Tokens of a span on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_span_length: Option<f64>,
    /// Whether a chunk may hold tokens of several documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<bool>,
    /// How often it occurs beside the others.
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
