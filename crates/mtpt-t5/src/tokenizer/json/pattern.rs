use serde::Deserialize;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::pre_tokenizers::split::SplitPattern;

/// Largest number of bytes of a pattern. Those of tokenizers have less than 500.
const MAX_LENGTH: usize = 1_000;

/// Text or regular expression that is found in texts.
#[derive(Clone, Debug, Deserialize)]
pub(crate) enum Pattern {
    String(String),
    Regex(String),
}

impl Pattern {
    /// Returns the smallest number of bytes that a match has.
    ///
    /// # Errors
    ///
    /// If the pattern is too long, matches the empty text, or needs more than a regular expression,
    /// except `(?!\S)`, which is common.
    pub(crate) fn smallest_match(&self) -> Result<usize, UnusablePattern> {
        let (Self::String(text) | Self::Regex(text)) = self;
        if text.len() > MAX_LENGTH {
            let found = format!("one of {} bytes", text.len());
            return Err(UnusablePattern { expected: "a pattern of at most 1,000 bytes", found });
        }
        let unusable = |expected| {
            let found = format!("`{}`", text.escape_debug());
            UnusablePattern { expected, found }
        };
        let length = match self {
            Self::String(text) => Some(text.len()),
            // Without the condition, more is matched.
            Self::Regex(text) => regex_syntax::parse(&text.replace(r"(?!\S)", ""))
                .map_err(|_| unusable("a regular expression"))?
                .properties()
                .minimum_len(),
        };
        // A pattern without length never matches.
        match length.unwrap_or(1) {
            0 => Err(unusable("a pattern that doesn't match the empty text")),
            length => Ok(length),
        }
    }
}

/// A pattern that is not supported.
pub(crate) struct UnusablePattern {
    pub(crate) expected: &'static str,
    pub(crate) found: String,
}

impl From<Pattern> for ReplacePattern {
    fn from(pattern: Pattern) -> Self {
        match pattern {
            Pattern::String(text) => Self::String(text),
            Pattern::Regex(text) => Self::Regex(text),
        }
    }
}

impl From<Pattern> for SplitPattern {
    fn from(pattern: Pattern) -> Self {
        match pattern {
            Pattern::String(text) => Self::String(text),
            Pattern::Regex(text) => Self::Regex(text),
        }
    }
}
