use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::format::Format;
use crate::data::hub::HubDataset;
use crate::labels::config::LabelsConfig;
use crate::metric::metric::Metric;
use crate::sampling::few_shot::FewShot;
use crate::sampling::limit::Limit;
use crate::sampling::splits::Splits;
use crate::split::Split;
use crate::task::id::TaskId;

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
