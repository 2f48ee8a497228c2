use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::example::Example;
use crate::reader::Reader;

/// How the rows of a file are written.
///
/// The formats of GLUE are its original tab-separated files, where quotes are characters like any other. Their
/// columns get names that a template can hold:
///
/// | Format | Header line | Fields |
/// |---|---|---|
/// | `glue_cola` | no | `source`, `label`, `original_label`, `sentence` |
/// | `glue_mnli` | yes | as the header: `sentence1` (premise), `sentence2` (hypothesis), `gold_label`, ... |
/// | `glue_mrpc` | yes | `label`, `id1`, `id2`, `sentence1`, `sentence2` |
/// | `glue_qnli` | yes | `index`, `question`, `sentence`, `label` |
/// | `glue_qqp` | yes | `id`, `qid1`, `qid2`, `question1`, `question2`, `is_duplicate` |
/// | `glue_rte` | yes | `index`, `sentence1`, `sentence2`, `label` |
/// | `glue_sst2` | yes | `sentence`, `label` |
/// | `glue_stsb` | yes | `index`, `genre`, `filename`, `year`, `old_index`, `source1`, `source2`, `sentence1`, `sentence2`, `score` |
/// | `glue_wnli` | yes | `index`, `sentence1`, `sentence2`, `label` |
/// | `tsv` | yes | as the header |
/// | `json_lines` | no | the keys of each object |
///
/// These are the columns of the training and development files; GLUE's test files have no labels and other columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// The corpus of linguistic acceptability.
    GlueCola,
    /// Multi-genre natural language inference. Training and development files differ in their columns, so the header
    /// rules.
    GlueMnli,
    /// The Microsoft research paraphrase corpus.
    GlueMrpc,
    /// Question answering as inference.
    GlueQnli,
    /// Quora question pairs.
    GlueQqp,
    /// Recognising textual entailment.
    GlueRte,
    /// The Stanford sentiment treebank.
    GlueSst2,
    /// The semantic textual similarity benchmark.
    GlueStsb,
    /// Winograd schemas as inference.
    GlueWnli,
    /// Fields separated by tabs, their names in the first line.
    Tsv,
    /// One JSON object a line. Numbers and truth values become text as they are written.
    JsonLines,
}

/// The columns of a tab-separated file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Columns {
    /// There is no header; the columns are known.
    Known(&'static [&'static str]),
    /// The header must be the first list; the columns get the names of the second.
    Renamed(&'static [&'static str], &'static [&'static str]),
    /// The header names the columns, and must name these.
    Header(&'static [&'static str]),
}

impl Format {
    /// Opens a file to read its rows one by one.
    ///
    /// # Errors
    ///
    /// [`Error::Read`](crate::Error::Read) if the file cannot be opened.
    pub fn open(self, path: &Path) -> Result<Reader> {
        Reader::open(self, path)
    }

    /// Reads all rows of a file.
    ///
    /// # Errors
    ///
    /// Those of [`Reader`]'s items: the first one found.
    pub fn read_all(self, path: &Path) -> Result<Vec<Example>> {
        self.open(path)?.collect()
    }

    /// The columns, or none for a format that is not tab-separated.
    pub(crate) fn columns(self) -> Option<Columns> {
        let inference = &["index", "sentence1", "sentence2", "label"];
        Some(match self {
            Self::GlueCola => Columns::Known(&["source", "label", "original_label", "sentence"]),
            Self::GlueMnli => Columns::Header(&["sentence1", "sentence2", "gold_label"]),
            Self::GlueMrpc => Columns::Renamed(
                &["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"],
                &["label", "id1", "id2", "sentence1", "sentence2"],
            ),
            Self::GlueQnli => Columns::Header(&["index", "question", "sentence", "label"]),
            Self::GlueQqp => {
                Columns::Header(&["id", "qid1", "qid2", "question1", "question2", "is_duplicate"])
            }
            Self::GlueRte | Self::GlueWnli => Columns::Header(inference),
            Self::GlueSst2 => Columns::Header(&["sentence", "label"]),
            Self::GlueStsb => Columns::Header(&["sentence1", "sentence2", "score"]),
            Self::Tsv => Columns::Header(&[]),
            Self::JsonLines => return None,
        })
    }
}
