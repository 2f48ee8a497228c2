use std::path::{Path, PathBuf};

use mtpt_io::IoError;

use crate::batch::error::BatchError;
use crate::corpus::error::CorpusError;
use crate::data::compression_error::CompressionError;
use crate::data::error::DataError;
use crate::data::hub_error::HubError;
use crate::data::location::SourceLocation;
use crate::labels::error::LabelsError;
use crate::labels::row_error::RowLabelsError;
use crate::metric::error::MetricError;
use crate::out_of_range::OutOfRange;
use crate::sampling::error::SamplingError;
use crate::task::error::TaskError;
use crate::task::id::{InvalidTaskId, TaskId};
use crate::template::error::TemplateError;
use crate::tokenize::TokenizeError;
use crate::toml_text::TomlProblem;
use crate::tree::error::TreeError;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Error of this crate.
///
/// A message is complete without the sources, except for the messages of the operating system and
/// of the hub: these are the source of [`IoError`], [`BatchError::OnDisk`] and [`HubError::Fetch`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A task definition is invalid.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A task name is invalid.
    #[error(transparent)]
    TaskId(#[from] InvalidTaskId),
    /// Task names or groups do not form a tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A template is invalid.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Labels are invalid.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// Rows have no labels, or unusable ones.
    #[error(transparent)]
    RowLabels(#[from] RowLabelsError),
    /// A data file or one of its rows is invalid.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Compressed data cannot be read.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// A dataset on the hub is invalid or not available.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// Examples cannot be sampled.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// A metric is invalid.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// A batch cannot be built.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// A corpus is invalid.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// An option is out of range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// A file cannot be read.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A text cannot be tokenized.
    #[error("{location}: {problem}")]
    Tokenize {
        /// The row of the text.
        location: SourceLocation,
        /// The error of the tokenizer.
        problem: TokenizeError,
    },
    /// A file is not TOML, or has other keys or types than expected.
    #[error("{}{}: {message}", .file.display(), line_suffix(.line))]
    Toml {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1, if known.
        line: Option<usize>,
        /// The message of the TOML reader.
        message: String,
    },
    /// An error in one task.
    #[error("task `{task}`: {problem}")]
    InTask {
        /// The task.
        task: TaskId,
        /// The error.
        #[source]
        problem: Box<Self>,
    },
    /// An error in one corpus.
    #[error("corpus `{corpus}`: {problem}")]
    InCorpus {
        /// The corpus.
        corpus: TaskId,
        /// The error.
        #[source]
        problem: Box<Self>,
    },
    /// An error in one entry of a configuration file.
    #[error("{}{}: {problem}", .file.display(), line_suffix(.line))]
    InFile {
        /// The file.
        file: PathBuf,
        /// The first line of the entry, counted from 1, if known.
        line: Option<usize>,
        /// The error.
        #[source]
        problem: Box<Self>,
    },
}

impl Error {
    /// Creates an error for the TOML of a file.
    pub fn toml(file: &Path, problem: TomlProblem) -> Self {
        let TomlProblem { line, message } = problem;
        Self::Toml { file: file.to_path_buf(), line, message }
    }

    /// Adds the task that the error occurred in.
    #[must_use]
    pub fn in_task(self, task: &TaskId) -> Self {
        Self::InTask { task: task.clone(), problem: Box::new(self) }
    }

    /// Adds the corpus that the error occurred in.
    #[must_use]
    pub fn in_corpus(self, corpus: &TaskId) -> Self {
        Self::InCorpus { corpus: corpus.clone(), problem: Box::new(self) }
    }

    /// Adds the file, and the line if known, that the error occurred in.
    #[must_use]
    pub fn in_file(self, file: &Path, line: Option<usize>) -> Self {
        Self::InFile { file: file.to_path_buf(), line, problem: Box::new(self) }
    }

    /// Returns the error without the task, corpus or file that it occurred in.
    pub fn without_context(&self) -> &Self {
        match self {
            Self::InTask { problem, .. }
            | Self::InCorpus { problem, .. }
            | Self::InFile { problem, .. } => problem.without_context(),
            other => other,
        }
    }

    /// Returns the location of the row that the error is about, if it is about one.
    pub fn location(&self) -> Option<&SourceLocation> {
        match self.without_context() {
            Self::Data(error) => error.location(),
            Self::Tokenize { location, .. } => Some(location),
            _ => None,
        }
    }

    /// Returns the location of a row that cannot be read, if that is the error and the row after it
    /// may be readable.
    pub fn unreadable_row(&self) -> Option<&SourceLocation> {
        use DataError::{Encoding, FieldCount, Json, NestedRow, Quoted, TextAfterQuote};
        match self.without_context() {
            Self::Data(
                Encoding { location, .. }
                | FieldCount { location, .. }
                | Json { location, .. }
                | NestedRow { location, .. }
                | Quoted { location, .. }
                | TextAfterQuote { location, .. },
            ) => Some(location),
            _ => None,
        }
    }

    /// Returns the failed access to a file, if that is the cause.
    pub fn io_error(&self) -> Option<&IoError> {
        match self.without_context() {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

fn line_suffix(line: &Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(":{line}"))
}
