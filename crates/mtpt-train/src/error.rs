use std::path::PathBuf;

use mtpt_io::{IoError, TensorError};

use crate::config::error::ConfigError;
use crate::data::error::DataError;
use crate::init::error::InitError;
use crate::objective::error::TeacherError;
use crate::output::error::CheckpointError;
use crate::run::non_finite::NotFinite;
use crate::stages::error::StageError;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Tasks and their data.
    #[error(transparent)]
    Tasks(#[from] mtpt_tasks::Error),
    /// Parameters of prompts.
    #[error(transparent)]
    Prompts(#[from] mtpt_core::Error),
    /// Compositions.
    #[error(transparent)]
    Composition(#[from] mtpt_compose::Error),
    /// Trained prompts, prediction and evaluation.
    #[error(transparent)]
    Infer(#[from] mtpt_infer::Error),
    /// A file or directory cannot be accessed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A file of tensors cannot be read or written.
    #[error(transparent)]
    Tensors(#[from] TensorError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data of a run.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Initial values of prompts.
    #[error(transparent)]
    Init(#[from] InitError),
    /// Teachers.
    #[error(transparent)]
    Teachers(#[from] TeacherError),
    /// The stages of a pipeline.
    #[error(transparent)]
    Stages(#[from] StageError),
    /// Run directories and checkpoints.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An error in the configuration of a stage.
    #[error("`[{stage}]`: {source}")]
    InStage {
        /// The stage: `teachers`, `adaptation`.
        stage: &'static str,
        /// The error.
        source: Box<Self>,
    },
    /// A loss or gradient is infinite or NaN.
    #[error(transparent)]
    NotFinite(#[from] Box<NotFinite>),
    /// The observer ended the run early.
    #[error(
        "stopped after step {step} of {steps}{}",
        checkpoint
            .as_ref()
            .map(|path| format!("; resume from `{}` to continue", path.display()))
            .unwrap_or_default()
    )]
    Stopped {
        /// Steps done.
        step: usize,
        /// Total number of steps.
        steps: usize,
        /// The checkpoint after the last step, if the run wrote one.
        checkpoint: Option<PathBuf>,
    },
}

impl Error {
    /// Returns the failed access to a file, if that is the cause.
    pub fn io_error(&self) -> Option<&IoError> {
        match self {
            Self::Io(error) => Some(error),
            Self::Tensors(error) => error.io_error(),
            Self::Tasks(error) => error.io_error(),
            Self::Infer(error) => error.io_error(),
            _ => None,
        }
    }

    /// Adds the stage whose configuration the error is in.
    pub(crate) fn in_stage(self, stage: &'static str) -> Self {
        Self::InStage { stage, source: Box::new(self) }
    }
}

/// Formats an error and its causes as one line.
pub fn error_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // A transparent error has the text of its cause.
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn causes_are_joined_in_one_line_without_repetition() {
        let source = io::Error::new(io::ErrorKind::NotFound, "no\nsuch file");
        let read = mtpt_tasks::Error::from(IoError::new("read", "a.tsv", source));
        assert_eq!(error_line(&Error::Tasks(read)), "cannot read `a.tsv`: no such file");
    }
}
