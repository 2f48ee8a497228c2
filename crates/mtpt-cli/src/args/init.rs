use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mtpt::tasks::Encoding;

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// CSV, TSV, JSON or Parquet file with a text and a label in each row; each file becomes a task
    #[arg(value_name = "FILE", required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// Hugging Face model folder or one step of a T5X checkpoint; with the feature `hub` also a hub
    /// id
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Text column; repeat to combine several columns, in this order [default: the column with the
    /// longest texts, or two such as `sentence1` and `sentence2`]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) text: Vec<String>,
    /// Label column; repeat for several columns with yes or no, or once per file [default: a column
    /// with a usual name, or with few distinct values]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: Vec<String>,
    /// Kind of the labels [default: found by their values]
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) kind: Option<LabelKind>,
    /// File with validation rows, in the same format; repeat for each FILE [default: a file next to
    /// FILE, such as `dev.csv` next to `train.csv`, otherwise a fifth of the rows of FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) dev: Vec<PathBuf>,
    /// Encoding of the files, such as `windows-1252` [default: by the byte order mark, otherwise
    /// UTF-8]
    #[arg(long, value_name = "NAME")]
    pub(crate) encoding: Option<Encoding>,
    /// Configuration file to write [default: the name of the first task with `.toml`]
    #[arg(long, value_name = "CONFIG.toml")]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite an existing configuration
    #[arg(long)]
    pub(crate) force: bool,
}

/// Kind of the labels of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LabelKind {
    /// One of several labels per row
    Class,
    /// A number on a scale
    Score,
    /// A text of its own: an answer, a summary, a translation
    Text,
    /// Any number of labels per row: a list, a text with separators, or columns with yes or no
    MultiLabel,
}

impl LabelKind {
    /// Returns the name on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Score => "score",
            Self::Text => "text",
            Self::MultiLabel => "multi-label",
        }
    }
}
