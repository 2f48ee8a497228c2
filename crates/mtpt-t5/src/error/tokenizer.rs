use std::path::{Path, PathBuf};

use mtpt_io::ForeignContent;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// An error of the tokenizer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// A folder has no tokenizer.
    #[error("`{}` contains no tokenizer: expected `tokenizer.json` or `spiece.model`", folder.display())]
    NotFound {
        /// The folder.
        folder: PathBuf,
    },

    /// A T5X checkpoint has no tokenizer. T5X does not save one.
    #[cfg(feature = "t5x")]
    #[error(
        "there is no tokenizer for the checkpoint `{}`: put its `spiece.model` or `tokenizer.json` \
         into that folder, or into `{}`",
        folder.display(),
        parent.display()
    )]
    NotFoundForT5x {
        /// Folder of the checkpoint.
        folder: PathBuf,
        /// Folder of all steps.
        parent: PathBuf,
    },

    /// A file is not a valid tokenizer.
    #[error("`{}` is not a valid tokenizer", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Source,
    },

    /// A file contains something else.
    #[error("`{}` is not a file of a tokenizer: {content}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The actual content, with advice.
        content: ForeignContent,
    },

    /// A file is not valid JSON.
    #[error("`{}` is not valid JSON: line {line}, column {column}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },

    /// A file is not a JSON object.
    #[error("`{}` must be a JSON object, but is {found}", path.display())]
    NoObject {
        /// The file.
        path: PathBuf,
        /// Kind of the value.
        found: String,
    },

    /// A field of a file has the wrong type.
    #[error("`{field}` in `{}` must be {expected}, but is {found}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// Name of the field.
        field: String,
        /// Its type in words.
        expected: String,
        /// The value, or its kind.
        found: String,
    },

    /// A file declares two added tokens with the same text or the same id.
    #[error("`{}` has two added tokens with the text or the id of `{}`", path.display(), token.escape_debug())]
    SameAddedToken {
        /// The file.
        path: PathBuf,
        /// Text of the second one.
        token: String,
    },

    /// An added token has no text after normalization.
    #[error(
        "the added token `{}` in `{}` is empty after normalization: set its `normalized` to `false`",
        token.escape_debug(),
        path.display()
    )]
    EmptyAddedToken {
        /// The file.
        path: PathBuf,
        /// Text of the token.
        token: String,
    },

    /// An added token of spaces takes spaces before it that belong to the token before.
    #[error(
        "the added token `{}` in `{}` consists of spaces: set its `lstrip` to `false`",
        token.escape_debug(),
        path.display()
    )]
    StrippedSpaces {
        /// The file.
        path: PathBuf,
        /// Text of the token.
        token: String,
    },

    /// An added token is too long.
    #[error(
        "an added token in `{}` has {length} bytes: at most {limit} are supported",
        path.display()
    )]
    LongAddedToken {
        /// The file.
        path: PathBuf,
        /// Number of its bytes.
        length: usize,
        /// The largest number.
        limit: usize,
    },

    /// All added tokens together are too long.
    #[error(
        "the added tokens in `{}` have more than {limit} bytes: add words to the vocabulary instead",
        path.display()
    )]
    LongAddedTokens {
        /// The file.
        path: PathBuf,
        /// The largest number of bytes.
        limit: usize,
    },

    /// An added token has different ids in two files.
    #[error(
        "the added token `{}` has id {declared} in `{}`, but id {found} in `{}`: use the files of \
         one tokenizer",
        token.escape_debug(),
        declared_in.display(),
        tokenizer.display()
    )]
    AddedTokenId {
        /// The file that declares the token.
        declared_in: PathBuf,
        /// Its text.
        token: String,
        /// Its id there.
        declared: u32,
        /// The file of the tokenizer.
        tokenizer: PathBuf,
        /// Its id there.
        found: u32,
    },

    /// The class of a tokenizer without a supported file is not supported.
    #[error(
        "`{}` has a tokenizer of class `{class}`, which is not supported: expected a \
         `tokenizer.json`, a `spiece.model` of class `T5Tokenizer`, or class `ByT5Tokenizer`",
        folder.display()
    )]
    Class {
        /// The folder.
        folder: PathBuf,
        /// The class.
        class: String,
    },

    /// The tokenizer refuses a text or ids.
    #[error("the tokenizer failed")]
    Tokenize {
        /// Why.
        source: Source,
    },

    /// The tokenizer has ids outside the model's embedding table.
    #[error(
        "the tokenizer has ids up to {}, but the model's vocabulary size is {model}",
        tokenizer - 1
    )]
    Vocabulary {
        /// One more than the highest id of the tokenizer.
        tokenizer: usize,
        /// Rows of the embedding table.
        model: usize,
    },
}

impl TokenizerError {
    /// Describes a file that is not valid JSON.
    pub(crate) fn not_json(path: &Path, bytes: &[u8], error: &serde_json::Error) -> Self {
        let path = path.to_owned();
        match ForeignContent::instead_of_object(bytes) {
            Some(content) => Self::Content { path, content },
            None => Self::Json { path, line: error.line(), column: error.column() },
        }
    }
}
