//! Errors, split by concern.
//!
//! Tensor shapes of the forward pass are not among them: a wrong shape is a programming error and
//! panics.

mod config;
mod generation;
mod tokenizer;
mod weights;

use std::path::{Path, PathBuf};

pub use config::ConfigError;
pub use generation::GenerationError;
pub use tokenizer::TokenizerError;
pub use weights::WeightsError;

/// Any error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder cannot be read or written.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// The failed operation: `read`, `write`, `rename to`, ….
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
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

    /// Returns a constructor of [`Io`](Self::Io) for an operation on a path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
