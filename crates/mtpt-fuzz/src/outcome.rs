//! Results of reading an input.

use std::error::Error;

use serde::{Deserialize, Serialize};

/// Depth that a reader reached in an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// The first check of the parser rejected it, such as that of the syntax or of the container.
    Rejected,
    /// A later check rejected it.
    Parsed,
    /// It was read completely.
    Accepted,
}

impl Depth {
    /// All depths in order.
    pub const ALL: [Self; 3] = [Self::Rejected, Self::Parsed, Self::Accepted];
}

/// Result of reading an input: its depth, and the error message, whose wording shows which check
/// rejected it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The depth that the reader reached.
    pub depth: Depth,
    /// The error with its sources, or properties of an accepted input.
    pub message: String,
}

impl Outcome {
    /// Creates the outcome of an error of the first check.
    pub fn rejected(error: &dyn Error) -> Self {
        Self { depth: Depth::Rejected, message: with_sources(error) }
    }

    /// Creates the outcome of an error of a later check.
    pub fn parsed(error: &dyn Error) -> Self {
        Self { depth: Depth::Parsed, message: with_sources(error) }
    }

    /// Creates the outcome of an error, by whether the first check passed.
    pub fn failed(passed_first_check: bool, error: &dyn Error) -> Self {
        if passed_first_check { Self::parsed(error) } else { Self::rejected(error) }
    }

    /// Creates the outcome of an input that was read completely.
    pub fn accepted(properties: impl Into<String>) -> Self {
        Self { depth: Depth::Accepted, message: properties.into() }
    }

    /// Creates the outcome of an input that is not a text in UTF-8, or lacks the file to read.
    pub fn not_readable() -> Self {
        Self { depth: Depth::Rejected, message: String::new() }
    }
}

fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
