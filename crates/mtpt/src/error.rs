use std::path::PathBuf;

use crate::device::DeviceError;

/// `Result` with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of [`RunFile`](crate::RunFile), [`Model`](crate::Model) and
/// [`Predictor`](crate::Predictor).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The device isn't available.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The run file could not be read.
    #[error(transparent)]
    Io(#[from] mtpt_io::IoError),
    /// A task or its data is invalid.
    #[error(transparent)]
    Tasks(#[from] mtpt_tasks::Error),
    /// The model could not be loaded.
    #[error(transparent)]
    Model(#[from] mtpt_t5::Error),
    /// The prompts can't be used with the model, or prediction failed.
    #[error(transparent)]
    Infer(#[from] mtpt_infer::Error),
    /// A row can't be an input of its task.
    #[error("row {row}")]
    Row {
        /// Index of the row, counted from 0.
        row: usize,
        /// The problem.
        source: Box<mtpt_infer::Error>,
    },
    /// The configuration of the run is invalid, or training failed.
    #[error(transparent)]
    Train(#[from] mtpt_train::Error),
    /// A run file with stages was used where only a single run is possible.
    #[error(
        "`{path}` has stages around its run, which need a folder; use `RunFile::pipeline` instead"
    )]
    Staged {
        /// The run file.
        path: PathBuf,
    },
}
