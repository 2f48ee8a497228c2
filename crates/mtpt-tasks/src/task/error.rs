use std::path::PathBuf;

use crate::data::format::Format;
use crate::sampling::splits::Splits;
use crate::split::Split;
use crate::task::id::TaskId;

/// An invalid task definition.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// A file defines no task.
    #[error("{}: expected at least one `[[tasks]]` entry, found none", .file.display())]
    NoTasks {
        /// The file.
        file: PathBuf,
    },
    /// A task has no file.
    #[error("expected at least one of `train`, `dev` and `test` to name a file, found none")]
    NoData,
    /// A task has no file for a split.
    #[error("task `{task}` names no file for the split `{split}`")]
    NoSplit {
        /// The task.
        task: TaskId,
        /// The split.
        split: Split,
    },
    /// A task has no template, and its format has no default.
    #[error("expected a `template` such as `\"{{sentence}}\"`, found none")]
    NoTemplate,
    /// The labels are to be collected from the training split, but the task has none.
    #[error(
        "`labels = \"verbatim\"` collects the labels of the split `train`, which names no file"
    )]
    VerbatimWithoutTrain,
    /// Both a validation file and a fraction of the training split are given.
    #[error("expected `dev` or `hold_out`, found both")]
    TwoDevSplits,
    /// A fraction of the training split is to be held out, but the task has none.
    #[error("`hold_out` takes rows of the split `train`, which names no file")]
    HoldOutWithoutTrain,
    /// Rows are to be held out of a format with several rows for each question.
    #[error(
        "`hold_out` cannot be used with `format = \"{}\"`: it has a row for each answer, so the \
         answers to one question would be in both splits; set `dev` to a separate file",
        format.as_str()
    )]
    HoldOutOfAnswers {
        /// The format.
        format: Format,
    },
    /// Published splits are not defined for the format.
    #[error(
        "`splits = \"{}\"` is for original files of GLUE and SuperGLUE other than ReCoRD, not for \
         `format = \"{}\"`",
        splits.as_str(), format.as_str()
    )]
    SplitsFormat {
        /// The splits.
        splits: Splits,
        /// The format.
        format: Format,
    },
    /// Published splits are made from other files.
    #[error("`splits = \"{}\"` needs {expected}", splits.as_str())]
    SplitsFiles {
        /// The splits.
        splits: Splits,
        /// The files that they are made from.
        expected: &'static str,
    },
}
