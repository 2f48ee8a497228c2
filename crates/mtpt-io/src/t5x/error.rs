use std::path::PathBuf;

use crate::fs::IoError;

/// `Result` with this module's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can be wrong with a checkpoint of T5X.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be accessed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A folder without the msgpack file.
    #[error(
        "`{}` is no checkpoint of T5X: it holds no file `checkpoint`{}",
        folder.display(),
        step.as_ref().map_or(String::new(), |step| format!("; give the folder of one step, such as `{}`", step.display()))
    )]
    NotACheckpoint {
        /// The folder.
        folder: PathBuf,
        /// A folder within it that is a checkpoint.
        step: Option<PathBuf>,
    },
    /// A checkpoint in the form of newer versions of Orbax.
    #[error("`{}` keeps its arrays in OCDBT form, which is not read; expected a zarr folder for each", folder.display())]
    Ocdbt {
        /// The folder.
        folder: PathBuf,
    },
    /// A msgpack file that ends too early.
    #[error("`{}` is cut short: it ends after {length} bytes, in the middle of what it holds", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
    },
    /// A file that is not what T5X writes.
    #[error("`{}` is not the msgpack file of a T5X checkpoint", path.display())]
    Msgpack {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A msgpack file with something behind its contents.
    #[error("`{}` goes on after its end, at byte {end}: expected nothing there", path.display())]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Where its contents end.
        end: u64,
    },
    /// A msgpack file without parameters.
    #[error("`{}` holds no parameters, expected them under `optimizer.target` or `target`", path.display())]
    NoParameters {
        /// The file.
        path: PathBuf,
    },
    /// Something in the place of an array that is none.
    #[error("`{array}` in `{}`: expected {expected}, found {found}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
        /// What would do.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// Numbers of a type that no parameter has.
    #[error("array `{array}` in `{}`: expected floating point or integers, found `{found}`", path.display())]
    NumberType {
        /// The file.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
        /// The type by the name that the file gives it.
        found: String,
    },
    /// An array in a folder that is not there.
    #[error("array `{array}` should be in the folder `{}`, which holds no `.zarray`", folder.display())]
    MissingFolder {
        /// The folder.
        folder: PathBuf,
        /// Dotted name of the array.
        array: String,
    },
    /// A description of a zarr array that makes no sense.
    #[error("cannot understand `{}`, the description of array `{array}`", path.display())]
    Description {
        /// The file `.zarray`.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A folder that holds another array than the msgpack file says.
    #[error("array `{array}` must have shape {expected:?} by the file `checkpoint`, but `{}` gives {found:?}", path.display())]
    Shape {
        /// The file `.zarray`.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
        /// Shape by the msgpack file.
        expected: Vec<usize>,
        /// Shape by the folder.
        found: Vec<usize>,
    },
    /// A chunk that is not there, of an array that gives no value for such chunks.
    #[error("chunk `{}` of array `{array}` is missing", path.display())]
    MissingChunk {
        /// The chunk's file.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
    },
    /// A chunk that cannot be decoded.
    #[error("chunk `{}` of array `{array}` is cut short or damaged", path.display())]
    DamagedChunk {
        /// The chunk's file.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A number that is not finite.
    #[error("array `{array}` in `{}`: expected finite numbers, found {found} at {place:?}", path.display())]
    NotFinite {
        /// The file or folder.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
        /// Index along each axis.
        place: Vec<usize>,
        /// The number.
        found: f32,
    },
    /// An array that was asked for and is not there.
    #[error("`{}` holds no array `{array}`", folder.display())]
    MissingArray {
        /// The folder of the checkpoint.
        folder: PathBuf,
        /// Dotted name of the array.
        array: String,
    },
    /// A checkpoint without prompts.
    #[error(
        "`{}` holds no prompt: expected an array whose name ends with `.prompt.prompt`, `.prompt.shared_prompt` or \
         `.prompt.task_prompts.embedding`",
        folder.display()
    )]
    NoPrompt {
        /// The folder of the checkpoint.
        folder: PathBuf,
    },
    /// A checkpoint with a prompt in front of the decoder.
    #[error(
        "`{}` has a prompt for the decoder, `{array}`, which cannot be used; only prompts in front of the encoder's input can be",
        folder.display()
    )]
    DecoderPrompt {
        /// The folder of the checkpoint.
        folder: PathBuf,
        /// Dotted name of the array.
        array: String,
    },
    /// A checkpoint is not written over what is there.
    #[error("`{}` is there already: give the checkpoint another folder, or remove this one", folder.display())]
    FolderExists {
        /// The folder.
        folder: PathBuf,
    },
    /// A checkpoint cannot be written: the name of an array is within that of another.
    #[error(
        "array `{array}` cannot be written: expected a name of dotted parts that no other array's name goes on from"
    )]
    Name {
        /// Dotted name of the array.
        array: String,
    },
}
