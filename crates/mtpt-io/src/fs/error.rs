use std::io;
use std::path::{Path, PathBuf};

/// A failed access to a file or folder.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct IoError {
    /// The operation that failed: `read`, `write`, `create`, `remove`, ....
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The error of the operating system.
    pub source: io::Error,
}

impl IoError {
    /// Creates an error.
    pub fn new(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self { action, path: path.into(), source }
    }

    /// Returns a function for `map_err` that adds the action and the path to an [`io::Error`].
    pub fn with<E: Into<io::Error>>(
        action: &'static str,
        path: &Path,
    ) -> impl Fn(E) -> Self + Copy {
        move |source| Self::new(action, path, source.into())
    }
}
