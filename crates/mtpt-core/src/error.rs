use std::io;
use std::path::PathBuf;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with prompts and their files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read, written or put in its place.
    #[error("cannot {action} `{path}`")]
    File {
        /// What was being done: `read`, `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A file is not in safetensors format, or is cut short.
    #[error("`{path}` is not a whole safetensors file")]
    Format {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A safetensors file that this project did not write.
    #[error("`{path}` is not a prompt file: its metadata has no key `{expected}`")]
    NotAPromptFile {
        /// The file.
        path: PathBuf,
        /// The key of the metadata that marks a prompt file.
        expected: &'static str,
    },
    /// A tensor of a file has an unexpected element type.
    #[error("tensor `{tensor}` in `{path}`: expected elements of type `F32`, found `{found}`")]
    ElementType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The element type in the file.
        found: String,
    },
    /// A file lacks a tensor.
    #[error("tensor `{tensor}` is missing in `{path}`, which holds: {found}")]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The names of the tensors that are there.
        found: String,
    },
    /// A file holds a tensor that nothing asks for.
    #[error("tensor `{tensor}` in `{path}` belongs to no parameter")]
    UnusedTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor of a file has the wrong shape.
    #[error("tensor `{tensor}` in `{path}`: expected shape {expected:?}, found {found:?}")]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The shape of the parameter.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A file is not in numpy's `.npy` format, or is cut short.
    #[error("`{path}`: not a whole `.npy` file: {source}")]
    Npy {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: io::Error,
    },
    /// A `.npy` file has other elements than floats.
    #[error("`{path}`: expected an array of 32- or 64-bit floats, found elements of type {found}")]
    NpyElementType {
        /// The file.
        path: PathBuf,
        /// The type as numpy writes it, such as `'<i8'`.
        found: String,
    },
    /// An array has a number that is infinite or not a number.
    #[error("`{path}`: the number at {place:?} is {value}")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Where it stands, an index for each dimension.
        place: Vec<usize>,
        /// The number.
        value: f32,
    },
    /// A tensor of a prompt file has a number that is infinite or not a number.
    #[error("tensor `{tensor}` in `{path}`: the number at {place:?} is {value}")]
    TensorNotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Where it stands, an index for each dimension.
        place: Vec<usize>,
        /// The number.
        value: f32,
    },
    /// A prompt was asked to hold no vector at all.
    #[error("a prompt must have at least one vector, but its length is 0")]
    EmptyPrompt,
    /// Given prompt values do not fit the model or the length asked for.
    #[error(
        "the initial prompt has {found_length} vectors of width {found_width}, expected {expected_length} of width \
         {expected_width}"
    )]
    PromptShape {
        /// Number of vectors asked for.
        expected_length: usize,
        /// Width of the model.
        expected_width: usize,
        /// Number of vectors given.
        found_length: usize,
        /// Width of those given.
        found_width: usize,
    },
    /// Text that gives no token cannot fill a prompt.
    #[error("the text of the initial prompt has no token")]
    EmptyText,
    /// A token does not exist in the model's vocabulary.
    #[error("token {token} of the initial prompt is not in the vocabulary of {vocab_size} tokens")]
    UnknownToken {
        /// The token.
        token: u32,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// A number that must be positive and finite is not.
    #[error("`{name}` must be positive and finite, found {found}")]
    NotPositive {
        /// The option.
        name: &'static str,
        /// Its value.
        found: f64,
    },
}
