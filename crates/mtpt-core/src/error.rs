/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An invalid initial prompt, or values that do not match a module's parameters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter of a module for which there is no value.
    #[error("parameter `{parameter}` is missing, found {}", quoted(found))]
    MissingParameter {
        /// The parameter.
        parameter: String,
        /// Names of the given values.
        found: Vec<String>,
    },
    /// A value that belongs to no parameter of a module.
    #[error("`{parameter}` is not a parameter of the module")]
    UnknownParameter {
        /// The name of the value.
        parameter: String,
    },
    /// A value of another shape than its parameter.
    #[error("parameter `{parameter}`: expected shape {expected:?}, found {found:?}")]
    ParameterShape {
        /// The parameter.
        parameter: String,
        /// The parameter's shape.
        expected: Vec<usize>,
        /// The value's shape.
        found: Vec<usize>,
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

/// Formats a list of names.
fn quoted(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}
