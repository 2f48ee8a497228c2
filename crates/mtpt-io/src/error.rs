use std::path::{Path, PathBuf};

use crate::content::ForeignContent;
use crate::fs::IoError;

/// Result of reading or writing tensors.
pub(crate) type Result<T, E = TensorError> = std::result::Result<T, E>;

/// A failure to read or write tensors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// A file or folder could not be accessed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A malformed T5X checkpoint.
    #[cfg(feature = "t5x")]
    #[error(transparent)]
    T5x(#[from] crate::t5x::error::Error),
    /// A file with other content than its name promises.
    #[error("`{}` is not a {expected}: {content}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The expected kind of file, such as "safetensors file".
        expected: &'static str,
        /// The actual content, with advice.
        content: ForeignContent,
    },
    /// A safetensors file with a malformed header.
    #[error("`{}` is not a safetensors file, or is damaged: {problem}", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// Description of the mistake in the header.
        problem: String,
    },
    /// A file that is shorter or longer than its header says.
    #[error(
        "`{}` is truncated or damaged: expected {expected} bytes, found {found}",
        path.display()
    )]
    FileLength {
        /// The file.
        path: PathBuf,
        /// The length according to the header.
        expected: u64,
        /// The length of the file.
        found: u64,
    },
    /// A malformed, truncated or unsupported PyTorch file.
    #[error("`{}` is not a readable PyTorch checkpoint: {problem}", path.display())]
    Pytorch {
        /// The file.
        path: PathBuf,
        /// Description of the problem, with advice.
        problem: String,
    },
    /// A PyTorch file with something other than tensors.
    #[error("`{}`: expected a dictionary of tensors only, found {found}", path.display())]
    Pickle {
        /// The file.
        path: PathBuf,
        /// The other objects.
        found: String,
    },
    /// A malformed `.npy` file, or a `.npz` file without a single array.
    #[error("`{}` is not a readable `.npy` file: {problem}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// Description of the problem.
        problem: String,
    },
    /// An index of several files that is malformed, or does not match the files.
    #[error("`{}` is not a usable index of weight files: {problem}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// Description of the problem.
        problem: String,
    },
    /// A tensor that does not exist.
    #[error(
        "`{}` has no tensor `{tensor}`{}, found {}",
        path.display(),
        expected.as_ref().map_or(String::new(), |shape| format!(" of shape {shape:?}")),
        listed(found)
    )]
    MissingTensor {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The expected shape, if any.
        expected: Option<Vec<usize>>,
        /// Names of the tensors that exist.
        found: Vec<String>,
    },
    /// A tensor of another shape than expected.
    #[error(
        "tensor `{tensor}` in `{}`: expected shape {expected:?}, found {found:?}",
        path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The expected shape.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor with another element type than expected.
    #[error("{}expected {expected}, found {found}", located(path, tensor.as_deref()))]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The tensor, if the format names its tensors.
        tensor: Option<String>,
        /// The expected types.
        expected: &'static str,
        /// The type in the words of the file format, such as `'<i8'`.
        found: String,
    },
    /// An element that is infinite or NaN.
    #[error(
        "{}expected finite values, found {value} at {index:?}",
        located(path, tensor.as_deref())
    )]
    NotFinite {
        /// The file or folder.
        path: PathBuf,
        /// The tensor, if the format names its tensors.
        tensor: Option<String>,
        /// Index of the element along each axis.
        index: Vec<usize>,
        /// The element.
        value: f32,
    },
    /// An element of a 64-bit tensor that is infinite, or exceeds the range of 32-bit floats.
    #[error(
        "{}expected finite values in the range of 32-bit floats, found a larger one at {index:?}",
        located(path, tensor.as_deref())
    )]
    TooLarge {
        /// The file or folder.
        path: PathBuf,
        /// The tensor, if the format names its tensors.
        tensor: Option<String>,
        /// Index of the element along each axis.
        index: Vec<usize>,
    },
}

impl TensorError {
    /// Returns the failed access to a file, if that is the cause.
    pub fn io_error(&self) -> Option<&IoError> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the error about a file that is not what its name promises if its content explains
    /// why, otherwise another error.
    pub(crate) fn explained(path: &Path, expected: &'static str, other: Self) -> Self {
        match ForeignContent::of_file(path) {
            Some(content) => Self::Foreign { path: path.to_owned(), expected, content },
            None => other,
        }
    }

    /// Returns the error that elements are not floats.
    pub(crate) fn not_float(path: &Path, tensor: &str, found: String) -> Self {
        Self::Dtype {
            path: path.to_owned(),
            tensor: Some(tensor.to_owned()),
            expected: "f32, f16, bf16 or f64",
            found: format!("`{found}`"),
        }
    }
}

/// Returns the start of a message about a tensor.
fn located(path: &Path, tensor: Option<&str>) -> String {
    match tensor {
        Some(tensor) => format!("tensor `{tensor}` in `{}`: ", path.display()),
        None => format!("`{}`: ", path.display()),
    }
}

/// Formats a list of names that may be long.
pub(crate) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
