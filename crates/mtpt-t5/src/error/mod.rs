//! Errors, split by concern.
//!
//! Tensor shapes of the forward pass are not among them: a wrong shape is a programming error and
//! panics.

mod config;
mod generation;
mod sentence_piece;
mod tokenizer;
mod tokenizer_file;
mod weights;

pub use config::ConfigError;
pub use generation::GenerationError;
pub use sentence_piece::SentencePieceError;
pub use tokenizer::TokenizerError;
pub use tokenizer_file::TokenizerFileError;
pub use weights::WeightsError;

use mtpt_io::{IoError, TensorError};

/// Any error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A model's files are missing or invalid.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A tokenizer is missing, invalid, or refuses its input.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// Generation or scoring failed.
    #[error(transparent)]
    Generation(#[from] GenerationError),
}

/// Result with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns whether the model has no tokenizer. Models can be used without one on token ids.
    pub fn is_missing_tokenizer(&self) -> bool {
        match self {
            Self::Tokenizer(TokenizerError::NotFound { .. }) => true,
            #[cfg(feature = "t5x")]
            Self::Tokenizer(TokenizerError::NotFoundForT5x { .. }) => true,
            _ => false,
        }
    }

    /// Returns the failed access to a file, if that is the cause.
    pub fn io_error(&self) -> Option<&IoError> {
        match self {
            Self::Io(error) => Some(error),
            Self::Weights(WeightsError::Tensors(error)) => error.io_error(),
            _ => None,
        }
    }
}

impl From<TensorError> for Error {
    fn from(error: TensorError) -> Self {
        WeightsError::from(error).into()
    }
}
