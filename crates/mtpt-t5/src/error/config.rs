use std::path::PathBuf;

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

    /// The feed-forward layer is unknown.
    #[error("unknown `feed_forward_proj` `{found}`, expected one of {known}")]
    UnknownFeedForward {
        /// The name.
        found: String,
        /// The known names.
        known: &'static str,
    },

    /// A file is not valid JSON, or its fields have wrong types.
    #[error("cannot parse `{}`", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
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
