/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An invalid initial prompt, or values that don't match a module's parameters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter without a value.
    #[error("parameter `{parameter}` is missing, found {}", quoted(found))]
    MissingParameter {
        /// Name of the parameter.
        parameter: String,
        /// Names of the given values.
        found: Vec<String>,
    },
    /// A value that belongs to no parameter.
    #[error("`{parameter}` is not a parameter of the module")]
    UnknownParameter {
        /// Name of the value.
        parameter: String,
    },
    /// A value whose shape differs from its parameter's.
    #[error("parameter `{parameter}`: expected shape {expected:?}, found {found:?}")]
    ParameterShape {
        /// Name of the parameter.
        parameter: String,
        /// Shape of the parameter.
        expected: Vec<usize>,
        /// Shape of the value.
        found: Vec<usize>,
    },
    /// A name that is no format of weights.
    #[error("unknown format of weights `{name}`, expected `f32`, `bf16`, `f16` or `int8`")]
    UnknownWeightFormat {
        /// The name.
        name: String,
    },
    /// A prompt without vectors.
    #[error("a prompt must have at least one vector, but its length is 0")]
    EmptyPrompt,
    /// Given prompt values that don't match the model's width or the requested length.
    #[error(
        "the initial prompt has {found_length} vectors of width {found_width}, expected \
         {expected_length} of width {expected_width}"
    )]
    PromptShape {
        /// Requested number of vectors.
        expected_length: usize,
        /// Width of the model.
        expected_width: usize,
        /// Given number of vectors.
        found_length: usize,
        /// Width of the given vectors.
        found_width: usize,
    },
    /// A text or label without tokens.
    #[error("a text or label of the initial prompt has no tokens; use a non-empty one")]
    EmptyText,
    /// A token outside the model's vocabulary.
    #[error(
        "token {token} of the initial prompt is not in the vocabulary of {vocab_size} tokens; use \
         the tokenizer of the model"
    )]
    UnknownToken {
        /// The token.
        token: u32,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// An option that must be positive and finite.
    #[error("`{name}` must be positive and finite, found {found}")]
    NotPositive {
        /// Name of the option.
        name: &'static str,
        /// The given value.
        found: f64,
    },
}

/// Formats a list of names.
fn quoted(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}
