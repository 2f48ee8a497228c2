use std::path::PathBuf;

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

    /// A SentencePiece model is not of T5's type.
    #[error(
        "`{}` must be a SentencePiece model of type unigram (1), but is of type `{found}`",
        path.display()
    )]
    SentencePieceType {
        /// The file.
        path: PathBuf,
        /// The type in the file.
        found: i32,
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
