type Source = Box<dyn std::error::Error + Send + Sync>;

/// An error of generation or scoring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerationError {
    /// A token id is outside the embedding table.
    #[error("token id {found} of row {row} must be less than the vocabulary size, {vocab_size}")]
    TokenId {
        /// The row, from 0.
        row: usize,
        /// The id.
        found: u32,
        /// Rows of the embedding table.
        vocab_size: usize,
    },

    /// The number of targets is not the number of rows.
    #[error("expected targets for each of {expected} rows, found {found}")]
    TargetCount {
        /// Rows of the batch.
        expected: usize,
        /// Number of targets.
        found: usize,
    },

    /// An option of generation refers to the tokens of the inputs, which were not given.
    #[error(
        "`encoder_no_repeat_ngram_size` and `encoder_repetition_penalty` require the tokens of the \
         inputs: use `GenerationInputs::with_rows`"
    )]
    InputTokens,

    /// The options of generation leave no token to continue a text with.
    #[error(
        "no token is left to continue the text of row {}: every token is forbidden by \
         `suppress_tokens`, `bad_words_ids`, `no_repeat_ngram_size` or another option",
        row + 1
    )]
    NoToken {
        /// Position of the row in the input, from 0.
        row: usize,
    },

    /// The model computed infinite or NaN logits.
    #[error(
        "the logits of row {} are not finite, found {value}; the values of the model or of the \
         prompt are too large for its precision",
        row + 1
    )]
    NotFinite {
        /// Position of the row in the input, from 0.
        row: usize,
        /// The first value that is not finite.
        value: f32,
    },

    /// A tensor cannot be read back from the device.
    #[error("cannot read a tensor back from the device")]
    Device {
        /// Why.
        source: Source,
    },
}

impl GenerationError {
    /// Wraps a failure to read a tensor back.
    pub(crate) fn device(source: impl Into<Source>) -> Self {
        Self::Device { source: source.into() }
    }
}
