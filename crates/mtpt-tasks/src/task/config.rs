use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::encoding::Encoding;
use crate::data::format::Format;
use crate::data::hub::HubDataset;
use crate::data::layout::{Dialect, Layout};
use crate::labels::config::LabelsConfig;
use crate::metric::metric::Metric;
use crate::sampling::few_shot::FewShot;
use crate::sampling::limit::Limit;
use crate::sampling::splits::Splits;
use crate::split::Split;
use crate::task::id::TaskId;
use crate::task::unlabeled::Unlabeled;

/// Definition of a task in a configuration file, validated by [`Task::new`](crate::Task::new).
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `name` | | name of the task, a [`TaskId`] |
/// | `format` | | format of the files, see [`Format`] |
/// | `encoding` | that of the byte order mark, otherwise UTF-8 | encoding of text files, see [`Encoding`] |
/// | `dialect` | that of the format | separator and quoting of a table, see [`Dialect`] |
/// | `train`, `dev`, `test` | | the files, at least one |
/// | `hub` | | a dataset on the hub that has the files, see [`HubDataset`]; with the feature `hub` |
/// | `hold_out` | | fraction of the rows of `train` that become `dev`, stratified by label; always the same rows |
/// | `splits` | the files as they are | published splits of GLUE or SuperGLUE, see [`Splits`] |
/// | `few_shot` | all rows | few-shot sampling of `train`, see [`FewShot`] |
/// | `template` | that of T5 for a format of GLUE or SuperGLUE | input text with `{field}` placeholders, see [`Template`](crate::Template) |
/// | `label_field` | that of a format of GLUE or SuperGLUE, otherwise `label` | field with the label |
/// | `labels` | those of T5 for a format of GLUE or SuperGLUE | meaning of the labels, see [`LabelsConfig`] |
/// | `unlabeled` | `"error"` | `"skip"` leaves rows without a label out of all splits, see [`Unlabeled`] |
/// | `metrics` | those of a format of GLUE or SuperGLUE, otherwise `["accuracy"]`, `["pearson"]` for scores, `["squad_f1", "exact_match"]` for free text | see [`Metric`]; the first is the primary one |
/// | `limit` | all rows | see [`Limit`] |
/// | `stream` | `false` | whether the training examples are stored on disk instead of in memory, see [`ExamplesOnDisk`](crate::ExamplesOnDisk) |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// Name of the task.
    pub name: TaskId,
    /// Format of the files.
    pub format: Format,
    /// Encoding of text files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// Separator and quoting of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// File of the training split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// File of the validation split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<PathBuf>,
    /// File of the test split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Dataset on the hub with the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<HubDataset>,
    /// Fraction of the training rows that become the validation split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_out: Option<f64>,
    /// Published splits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub splits: Option<Splits>,
    /// Few-shot sampling of the training split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub few_shot: Option<FewShot>,
    /// Input text with placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Field with the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_field: Option<String>,
    /// Metrics, the primary one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// Meaning of the labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsConfig>,
    /// Treatment of rows without a label.
    #[serde(default, skip_serializing_if = "Unlabeled::is_error")]
    pub unlabeled: Unlabeled,
    /// Maximum number of rows.
    #[serde(default, skip_serializing_if = "Limit::is_none")]
    pub limit: Limit,
    /// Whether the training examples are stored on disk.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
}

impl TaskConfig {
    /// Creates a definition without files, with all other defaults.
    pub fn new(name: TaskId, format: Format) -> Self {
        Self {
            name,
            format,
            encoding: None,
            dialect: None,
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
            unlabeled: Unlabeled::Error,
            limit: Limit::default(),
            stream: false,
        }
    }

    /// Returns how the files are written.
    pub fn layout(&self) -> Layout {
        Layout { format: self.format, encoding: self.encoding, dialect: self.dialect }
    }

    /// Returns the file of a split.
    pub fn file(&self, split: Split) -> Option<&Path> {
        match split {
            Split::Train => self.train.as_deref(),
            Split::Dev => self.dev.as_deref(),
            Split::Test => self.test.as_deref(),
        }
    }

    /// Resolves relative paths against a folder, except for those of a dataset on the hub.
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
