use std::path::{Path, PathBuf};

use mtpt_tasks::{TaskId, TomlProblem};

/// Errors in a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A configuration file is invalid.
    #[error("`{path}`{}: {message}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1, if it is known.
        line: Option<usize>,
        /// The problem.
        message: String,
    },
    /// A value is out of range.
    #[error("`{option}` must be {expected}, found {found}")]
    OutOfRange {
        /// The option.
        option: &'static str,
        /// The range in words.
        expected: &'static str,
        /// The value.
        found: f64,
    },
    /// An option needs a `dev` split, but neither a task nor a corpus has one.
    #[error(
        "`{option}` needs a `dev` split, but nothing has one: remove the option, or add a `dev` file"
    )]
    NoDev {
        /// The option.
        option: &'static str,
    },
    /// An option is for task-specific parameters, but the composition has none.
    #[error(
        "`{option}`: the composition has no task-specific parameters: remove the option, or \
         implement `Compose::task_parameters`"
    )]
    NoTaskParameters {
        /// The option.
        option: &'static str,
    },
    /// The composition has another number of vectors for the decoder.
    #[error(
        "`prompt.decoder_length` is {expected}, but the composition has {found} vectors for the \
         decoder: change the option, or implement `Compose::decoder_vectors`"
    )]
    DecoderLength {
        /// Value of the option.
        expected: usize,
        /// Number of vectors of the composition.
        found: usize,
    },
    /// A target is named twice.
    #[error("`adaptation.targets` names `{task}` twice: remove one of them")]
    DuplicateTarget {
        /// The task.
        task: TaskId,
    },
}

impl ConfigError {
    /// Creates the error of a file that is not the expected TOML.
    pub(crate) fn toml(path: &Path, problem: TomlProblem) -> Self {
        let TomlProblem { line, message } = problem;
        Self::File { path: path.to_owned(), line, message }
    }

    /// Creates the error of a file whose contents cause another error.
    pub(crate) fn in_file(path: &Path, error: &dyn std::error::Error) -> Self {
        Self::File { path: path.to_owned(), line: None, message: error.to_string() }
    }
}
