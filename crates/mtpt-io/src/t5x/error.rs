use std::path::{Path, PathBuf};

/// The types of elements that T5X writes, for messages.
pub(super) const EXPECTED_DTYPE: &str = "floats or integers";

/// A malformed T5X checkpoint, or one that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A folder without the msgpack file.
    #[error(
        "`{}` is not a T5X checkpoint: it has no file `checkpoint`{}",
        folder.display(),
        suggested(step.as_deref())
    )]
    NotACheckpoint {
        /// The folder.
        folder: PathBuf,
        /// A folder in it that is a checkpoint.
        step: Option<PathBuf>,
    },
    /// A checkpoint in the form of newer versions of Orbax.
    #[error(
        "`{}` stores its arrays in OCDBT format, which is not supported; expected a zarr folder \
         for each",
        folder.display()
    )]
    Ocdbt {
        /// The folder.
        folder: PathBuf,
    },
    /// A truncated msgpack file.
    #[error("`{}` is truncated: it ends after {length} bytes, within a value", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
    },
    /// A file that T5X didn't write.
    #[error("`{}` is not the msgpack file of a T5X checkpoint", path.display())]
    Msgpack {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A msgpack file with extra bytes after its contents.
    #[error("`{}` has extra bytes after its contents, which end at byte {end}", path.display())]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Position of the end of the contents.
        end: u64,
    },
    /// A msgpack file without parameters.
    #[error(
        "`{}` has no parameters, expected them under `optimizer.target` or `target`",
        path.display()
    )]
    NoParameters {
        /// The file.
        path: PathBuf,
    },
    /// A value that is not an array of the expected form.
    #[error("`{array}` in `{}`: expected {expected}, found {found}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
        /// The expected form.
        expected: &'static str,
        /// The value.
        found: String,
    },
    /// An array whose folder doesn't exist.
    #[error(
        "array `{array}` should be in the folder `{}`, which has no `.zarray`",
        folder.display()
    )]
    MissingFolder {
        /// The folder.
        folder: PathBuf,
        /// Dotted name of the array.
        array: String,
    },
    /// A malformed description of a zarr array.
    #[error("cannot parse `{}`, the description of array `{array}`", path.display())]
    Description {
        /// The file `.zarray`.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
        /// The parser's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A folder with another array than the msgpack file says.
    #[error(
        "array `{array}`: the file `checkpoint` expects shape {expected:?}, `{}` has {found:?}",
        path.display()
    )]
    Shape {
        /// The file `.zarray`.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
        /// The shape in the msgpack file.
        expected: Vec<usize>,
        /// The shape in the folder.
        found: Vec<usize>,
    },
    /// A description of a larger array than its chunks can have.
    #[error(
        "array `{array}` in `{}`: expected a shape that fits its chunk files of {stored} bytes, \
         found {shape:?}; copy the missing chunks",
        path.display()
    )]
    Size {
        /// The file `.zarray`.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
        /// The shape in the file.
        shape: Vec<usize>,
        /// Size of all chunk files.
        stored: u64,
    },
    /// A missing chunk of an array without a fill value.
    #[error("chunk `{}` of array `{array}` is missing", path.display())]
    MissingChunk {
        /// The chunk's file.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
    },
    /// A chunk that cannot be decoded.
    #[error("chunk `{}` of array `{array}` is truncated or damaged", path.display())]
    DamagedChunk {
        /// The chunk's file.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
        /// The decoder's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A folder to write to that exists.
    #[error(
        "`{}` already exists: choose another folder for the checkpoint, or remove this one",
        folder.display()
    )]
    FolderExists {
        /// The folder.
        folder: PathBuf,
    },
    /// A name that an array cannot have.
    #[error(
        "array `{array}` cannot be written: expected `target.` and dotted parts that are no \
         prefix of another array's name"
    )]
    Name {
        /// Dotted name of the array.
        array: String,
    },
}

/// Returns the end of a message that suggests the folder of a step.
fn suggested(step: Option<&Path>) -> String {
    step.map_or(String::new(), |step| {
        format!("; use the folder of one step, such as `{}`", step.display())
    })
}
