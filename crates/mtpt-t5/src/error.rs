use std::path::PathBuf;

/// What can go wrong in this crate.
///
/// Tensor shapes of the forward pass are not among these: a wrong one is a mistake of the program and panics.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried: `read`, `write`, `rename`, ….
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },

    /// A model that is neither a folder nor could be fetched from a hub.
    #[cfg_attr(
        feature = "hub",
        error(
            "no model at `{model}`: expected a folder with `config.json`, or a hub id, `owner/name`"
        )
    )]
    #[cfg_attr(
        not(feature = "hub"),
        error(
            "no model at `{model}`: expected a folder with `config.json`; a hub id needs the feature `hub`, which \
             this program was built without"
        )
    )]
    ModelNotFound {
        /// The path or id as it was given.
        model: String,
    },

    /// A model could not be fetched from the hub.
    #[cfg(feature = "hub")]
    #[error("no folder at `{model}`, and it could not be fetched as a hub id")]
    Hub {
        /// The id as it was given.
        model: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A folder lacks a file that a model must have.
    #[error("`{}` holds none of the files expected there: {expected}", folder.display())]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The names, any of which would do.
        expected: &'static str,
    },

    /// A JSON file that is not what it should be.
    #[error("cannot understand `{}`", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },

    /// A `config.json` that this crate cannot follow.
    #[error("cannot use `{}`", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// What in it.
        source: Box<Self>,
    },

    /// A value of a configuration out of its range.
    #[error("`{field}` must be {expected}, but is `{found}`")]
    Config {
        /// Name of the field.
        field: &'static str,
        /// The range in words.
        expected: &'static str,
        /// The value.
        found: String,
    },

    /// A feed-forward layer that this crate does not have.
    #[error("unknown `feed_forward_proj` `{found}`, expected one of {known}")]
    UnknownFeedForward {
        /// The name.
        found: String,
        /// The names that are known.
        known: &'static str,
    },

    /// A checkpoint of T5X that cannot be read.
    #[cfg(feature = "t5x")]
    #[error(transparent)]
    T5x(#[from] mtpt_io::t5x::Error),

    /// A checkpoint of T5X where the feature that reads them is not built in.
    #[cfg(not(feature = "t5x"))]
    #[error(
        "`{}` holds no weights in the form of transformers; its file `checkpoint` may be one of T5X, which needs the \
         feature `t5x` that this program was built without",
        folder.display()
    )]
    T5xFeature {
        /// The folder.
        folder: PathBuf,
    },

    /// A checkpoint of T5X whose arrays are not those of a T5 of this crate.
    #[cfg(feature = "t5x")]
    #[error("`{}` is not a T5 that can be read: expected {expected}, found {found}", path.display())]
    T5xForm {
        /// The folder of the checkpoint.
        path: PathBuf,
        /// What would do.
        expected: String,
        /// What is there.
        found: String,
    },

    /// A `config.json` beside a checkpoint of T5X that does not fit it.
    #[cfg(feature = "t5x")]
    #[error(
        "`{}` says that `{field}` is {said}, but by the arrays of `{}` it is {found}: correct or remove the file",
        path.display(),
        checkpoint.display()
    )]
    ConfigDisagrees {
        /// The file.
        path: PathBuf,
        /// Name of the field.
        field: &'static str,
        /// Its value in the file.
        said: String,
        /// The folder of the checkpoint.
        checkpoint: PathBuf,
        /// Its value by the arrays.
        found: String,
    },

    /// A checkpoint of T5X has no tokenizer: they come without one.
    #[cfg(feature = "t5x")]
    #[error(
        "there is no tokenizer for the checkpoint `{}`: put its `spiece.model` or `tokenizer.json` into that folder, or \
         into `{}`",
        folder.display(),
        parent.display()
    )]
    MissingTokenizer {
        /// The folder of the checkpoint.
        folder: PathBuf,
        /// The folder that holds all steps.
        parent: PathBuf,
    },

    /// A file shorter or longer than its own header says.
    #[error("`{}` is truncated or damaged: expected {expected} bytes, found {found}", path.display())]
    FileLength {
        /// The file.
        path: PathBuf,
        /// Number of bytes by the header.
        expected: u64,
        /// Number of bytes on disk.
        found: u64,
    },

    /// A safetensors file whose header is wrong.
    #[error("`{}` is not a safetensors file", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// Why.
        source: safetensors::SafeTensorError,
    },

    /// A PyTorch file that cannot be read.
    #[error("`{}` is not a PyTorch checkpoint that can be read", path.display())]
    PyTorch {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<pytorch_reader::PytorchError>,
    },

    /// A tensor that the model needs and the checkpoint lacks.
    #[error("`{}` lacks tensor `{tensor}`, expected with shape {expected:?}", path.display())]
    MissingTensor {
        /// The checkpoint.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Its shape by the configuration.
        expected: Vec<usize>,
    },

    /// A tensor of another shape than the configuration asks for.
    #[error("tensor `{tensor}` of `{}` must have shape {expected:?}, but has {found:?}", path.display())]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Its shape by the configuration.
        expected: Vec<usize>,
        /// Its shape in the file.
        found: Vec<usize>,
    },

    /// A tensor of numbers that are not floating point.
    #[error("tensor `{tensor}` of `{}` must hold f32, f16, bf16 or f64, but holds `{found}`", path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Type of its numbers.
        found: String,
    },

    /// Tensors that no part of the model would take.
    #[error("`{}` holds tensors that a T5 of this configuration has no use for: {}", path.display(), listed(tensors))]
    UnusedTensors {
        /// The checkpoint.
        path: PathBuf,
        /// Names of the tensors.
        tensors: Vec<String>,
    },

    /// Two embedding tables that should be one.
    #[error(
        "`{}` holds different numbers in `{first}` and `{second}`, expected one table for the encoder and the decoder",
        path.display()
    )]
    TablesDiffer {
        /// The checkpoint.
        path: PathBuf,
        /// Name of one table.
        first: String,
        /// Name of the other.
        second: String,
    },

    /// A tokenizer that cannot be read.
    #[error("`{}` is not a tokenizer that can be read", path.display())]
    TokenizerFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A SentencePiece model of another kind than T5 uses.
    #[error("`{}` must be a SentencePiece model of type unigram (1), but is of type `{found}`", path.display())]
    SentencePieceType {
        /// The file.
        path: PathBuf,
        /// The type's number in the file.
        found: i32,
    },

    /// A text that the tokenizer refuses.
    #[error("the tokenizer failed")]
    Tokenize {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A tokenizer with ids beyond the model's embedding table.
    #[error("the tokenizer has ids up to {}, expected less than the model's vocabulary of {model}", tokenizer - 1)]
    Vocabulary {
        /// One more than the highest id of the tokenizer.
        tokenizer: usize,
        /// Rows of the embedding table.
        model: usize,
    },

    /// A token id beyond the embedding table.
    #[error("token id {found} of row {row} must be less than the vocabulary of {vocab_size}")]
    TokenId {
        /// The row, from 0.
        row: usize,
        /// The id.
        found: u32,
        /// Rows of the embedding table.
        vocab_size: usize,
    },

    /// Another number of rows than the batch has.
    #[error("expected {what} for each of {expected} rows, found {found}")]
    Rows {
        /// What is counted.
        what: &'static str,
        /// Rows of the batch.
        expected: usize,
        /// Number given.
        found: usize,
    },

    /// Numbers could not be read back from the device.
    #[error("cannot read numbers back from the device")]
    Device {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Whether it says that a model has no tokenizer, which is then not needed for token numbers.
    pub fn is_missing_tokenizer(&self) -> bool {
        match self {
            Self::MissingFile { expected, .. } => *expected == TOKENIZER_FILES,
            #[cfg(feature = "t5x")]
            Self::MissingTokenizer { .. } => true,
            _ => false,
        }
    }
}

/// The names of tokenizers, any of which would do.
pub(crate) const TOKENIZER_FILES: &str = "`tokenizer.json`, `spiece.model`";

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The first names of a list that may be long.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text =
        names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
