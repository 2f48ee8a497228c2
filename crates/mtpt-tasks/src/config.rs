use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::few_shot::FewShot;
use crate::format::Format;
use crate::hub::HubDataset;
use crate::id::TaskId;
use crate::labels::LabelsConfig;
use crate::metric::Metric;
use crate::splits::Splits;

/// A part of a task's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Rows to learn from.
    Train,
    /// Rows to choose by.
    Dev,
    /// Rows to report on.
    Test,
}

impl Split {
    /// All splits.
    pub const ALL: [Self; 3] = [Self::Train, Self::Dev, Self::Test];

    /// Name in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Dev => "dev",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A text names no split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a split `train`, `dev` or `test`, found `{found}`")]
pub struct UnknownSplit {
    /// The text.
    pub found: String,
}

impl FromStr for Split {
    type Err = UnknownSplit;

    fn from_str(text: &str) -> Result<Self, UnknownSplit> {
        let named = Self::ALL.into_iter().find(|split| split.as_str() == text);
        named.ok_or_else(|| UnknownSplit { found: text.to_owned() })
    }
}

/// A task as a configuration file describes it; [`Task::new`](crate::Task::new) checks it.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `name` | | the task's [`TaskId`] |
/// | `format` | | how the files are written, see [`Format`] |
/// | `train`, `dev`, `test` | | the files; at least one, all in the same format |
/// | `hub` | | a data set on the hub, whose files these are then, see [`HubDataset`]; with the feature `hub` |
/// | `hold_out` | | share of the rows of `train`, between 0 and 1, that are `dev` instead, the same share of each label; always the same rows |
/// | `splits` | the files as they are | splits made of the files of GLUE or SuperGLUE as others make them, see [`Splits`] |
/// | `few_shot` | all rows | as many rows of `train` of each label, see [`FewShot`] |
/// | `template` | that of T5 for a format of GLUE or SuperGLUE | input text with `{field}` placeholders, see [`Template`](crate::Template) |
/// | `label_field` | that of a format of GLUE or SuperGLUE, otherwise `label` | the field with the label |
/// | `labels` | those of T5 for a format of GLUE or SuperGLUE | what labels mean, see [`LabelsConfig`] |
/// | `metrics` | those of a format of GLUE or SuperGLUE, otherwise `["accuracy"]`, `["pearson"]` for scores, `["squad_f1", "exact_match"]` for free text | see [`Metric`]; the first is the primary one |
/// | `limit` | all rows | see [`Limit`] |
/// | `stream` | `false` | whether the rows of `train` are kept on disk instead of in memory while they are learned from, see [`ExamplesOnDisk`](crate::ExamplesOnDisk) |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// Name of the task.
    pub name: TaskId,
    /// How the files are written.
    pub format: Format,
    /// File of the training split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// File of the development split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<PathBuf>,
    /// File of the test split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// The data set that the files are fetched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<HubDataset>,
    /// Share of the training split's rows that are the development split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_out: Option<f64>,
    /// How splits are made of the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub splits: Option<Splits>,
    /// A few rows of the training split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub few_shot: Option<FewShot>,
    /// Input text with placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Field with the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_field: Option<String>,
    /// How predictions are judged, the primary metric first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// What labels mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsConfig>,
    /// How many rows are used.
    #[serde(default, skip_serializing_if = "Limit::is_none")]
    pub limit: Limit,
    /// Whether the training split is kept on disk.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
}

impl TaskConfig {
    /// A task with a name and a format, everything else by default; it still needs a file.
    pub fn new(name: TaskId, format: Format) -> Self {
        Self {
            name,
            format,
            train: None,
            dev: None,
            test: None,
            hub: None,
            hold_out: None,
            splits: None,
            few_shot: None,
            template: None,
            label_field: None,
            metrics: Vec::new(),
            labels: None,
            limit: Limit::default(),
            stream: false,
        }
    }

    /// The file of a split.
    pub fn file(&self, split: Split) -> Option<&Path> {
        match split {
            Split::Train => self.train.as_deref(),
            Split::Dev => self.dev.as_deref(),
            Split::Test => self.test.as_deref(),
        }
    }

    /// The same task, whose relative paths begin at a folder; those of a data set on the hub stay as they are.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        if self.hub.is_some() {
            return self;
        }
        for path in [&mut self.train, &mut self.dev, &mut self.test].into_iter().flatten() {
            // An absolute path replaces the folder.
            *path = folder.join(&*path);
        }
        self
    }
}

/// How many rows of each split are used; without a number, all.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `train`, `dev`, `test` | | number of rows, at least 1 |
/// | `seed` | | without one, the first rows of the file; with one, rows drawn by it, in the order of the file |
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limit {
    /// Rows of the training split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<usize>,
    /// Rows of the development split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<usize>,
    /// Rows of the test split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<usize>,
    /// Draws the rows, instead of taking the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl Limit {
    /// The number for a split.
    pub fn rows(&self, split: Split) -> Option<usize> {
        match split {
            Split::Train => self.train,
            Split::Dev => self.dev,
            Split::Test => self.test,
        }
    }

    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
