use std::path::{Path, PathBuf};

use mtpt_io::ForeignContent;

/// An invalid configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value is out of range.
    #[error("`{field}` must be {expected}, but is `{found}`")]
    OutOfRange {
        /// Name of the field.
        field: &'static str,
        /// The range in words.
        expected: &'static str,
        /// The value.
        found: String,
    },

    /// A field of a file has the wrong type.
    #[error("`{field}` must be {expected}, but is `{found}`")]
    Type {
        /// Name of the field.
        field: String,
        /// The type in words.
        expected: &'static str,
        /// The value as JSON.
        found: String,
    },

    /// Every token that is forced is suppressed, so that no token is left.
    #[error(
        "every token of `{field}`, {tokens:?}, is also in `suppress_tokens`, which leaves no token; \
         remove it from one of them, or use `min_new_tokens` to prevent an early end"
    )]
    ForcedAndSuppressed {
        /// Name of the field that forces the tokens.
        field: &'static str,
        /// The tokens.
        tokens: Vec<u32>,
    },

    /// The feed-forward layer is unknown.
    #[error("unknown `feed_forward_proj` `{found}`, expected one of {known}")]
    UnknownFeedForward {
        /// The name.
        found: String,
        /// The known names.
        known: &'static str,
    },

    /// The model is not a T5 with decoder and language modelling head.
    #[error("{found} has no {lacks}: choose a checkpoint of `{expected}`")]
    Architecture {
        /// The model.
        found: String,
        /// The missing part.
        lacks: &'static str,
        /// Name of the architecture that has it.
        expected: &'static str,
    },

    /// The weights are quantized.
    #[error(
        "the weights are quantized by `{method}`, expected f32, f16 or bf16 weights: choose the \
         checkpoint that was quantized"
    )]
    Quantized {
        /// The method.
        method: String,
    },

    /// A file contains JSON other than an object.
    #[error("`{}` must contain a JSON object", path.display())]
    NotAnObject {
        /// The file.
        path: PathBuf,
    },

    /// A file is not JSON.
    #[error("cannot parse `{}`: expected a JSON object, {content}", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// The actual content, with advice.
        content: ForeignContent,
    },

    /// A JSON file has a syntax error.
    #[error("cannot parse `{}`: invalid JSON in line {line}, column {column}", path.display())]
    JsonSyntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },

    /// A file has settings of generation that affect texts and are not supported.
    #[error(
        "`{}` sets {settings}, which is not supported; remove it from the file to generate without it",
        path.display()
    )]
    UnsupportedSettings {
        /// The file.
        path: PathBuf,
        /// The settings and their values, in words.
        settings: String,
    },

    /// A `config.json`, or the configuration inferred from a T5X checkpoint, is not supported.
    #[error("cannot use `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<Self>,
    },

    /// A `config.json` contradicts the T5X checkpoint next to it.
    #[cfg(feature = "t5x")]
    #[error(
        "`{}` sets `{field}` to {configured}, but by the arrays of `{}` it is {found}: correct or \
         remove the file",
        path.display(),
        checkpoint.display()
    )]
    ContradictsCheckpoint {
        /// The file.
        path: PathBuf,
        /// Name of the field.
        field: &'static str,
        /// Its value in the file.
        configured: String,
        /// Folder of the checkpoint.
        checkpoint: PathBuf,
        /// Its value by the arrays.
        found: String,
    },
}

impl ConfigError {
    /// Adds the file of an invalid configuration.
    pub(crate) fn in_file(path: &Path, source: Self) -> Self {
        Self::File { path: path.to_owned(), source: Box::new(source) }
    }

    /// Returns an error that names the field, unless a condition on its value holds.
    pub(crate) fn require(
        holds: bool,
        field: &'static str,
        expected: &'static str,
        found: &dyn ToString,
    ) -> Result<(), Self> {
        if holds {
            Ok(())
        } else {
            Err(Self::OutOfRange { field, expected, found: found.to_string() })
        }
    }
}
