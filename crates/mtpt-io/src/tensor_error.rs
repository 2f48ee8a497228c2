use std::io;
use std::path::PathBuf;

use crate::fs::IoError;

/// A failure to read or write tensors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// A file could not be accessed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A malformed or truncated safetensors file.
    #[error("`{}` is not a complete safetensors file", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        source: safetensors::SafeTensorError,
    },
    /// A malformed or truncated `.npy` file.
    #[error("`{}` is not a complete `.npy` file", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        source: io::Error,
    },
    /// A tensor with another element type than expected.
    #[error("{}expected {expected}, found {found}", located(path, tensor))]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The tensor, if the file names its tensors.
        tensor: Option<String>,
        /// The expected types.
        expected: &'static str,
        /// The type in the words of the file format, such as `'<i8'`.
        found: String,
    },
    /// An element that is infinite or NaN.
    #[error("{}expected finite values, found {value} at {index:?}", located(path, tensor))]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor, if the file names its tensors.
        tensor: Option<String>,
        /// Index of the element along each axis.
        index: Vec<usize>,
        /// The value.
        value: f32,
    },
}

/// Returns the start of a message about a tensor of a file.
fn located(path: &std::path::Path, tensor: &Option<String>) -> String {
    match tensor {
        Some(tensor) => format!("tensor `{tensor}` in `{}`: ", path.display()),
        None => format!("`{}`: ", path.display()),
    }
}
