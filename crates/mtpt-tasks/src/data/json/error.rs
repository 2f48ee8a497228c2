use std::fmt;

use crate::excerpt::excerpt;

/// Problem with the JSON of a data file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonProblem {
    /// A row is another value than an object.
    #[error("expected a JSON object, found {found}")]
    NoObject {
        /// Kind of value, with an article.
        found: &'static str,
    },
    /// A character that is not allowed at its position.
    #[error("invalid JSON at column {column}: expected {expected}, found {found}{}", advice(.found))]
    Unexpected {
        /// The column, counted from 1.
        column: usize,
        /// The characters that the grammar allows.
        expected: &'static str,
        /// The text at this position.
        found: Found,
    },
    /// An object or array that is not closed.
    #[error(
        "expected a complete JSON object, found the end of the {} before {missing}",
        if *.at_end { "file" } else { "line" }
    )]
    Unclosed {
        /// Whether the file ends, and not only the line.
        at_end: bool,
        /// The missing character.
        missing: &'static str,
    },
    /// Two objects without a line break or a comma in an array between them.
    #[error(
        "expected one JSON object per line, found {found} after an object at column {column}; \
         start a new line for each object, or write one array of all objects"
    )]
    SameLine {
        /// The column, counted from 1.
        column: usize,
        /// The text after the object.
        found: Found,
    },
    /// Text after the end of an array of rows.
    #[error(
        "expected the end of the file after the array of rows, found {found} at column {column}"
    )]
    AfterArray {
        /// The column, counted from 1.
        column: usize,
        /// The text after the array.
        found: Found,
    },
    /// Values are nested too deeply.
    #[error("expected at most {limit} nested arrays and objects, found more at column {column}")]
    Depth {
        /// The column, counted from 1.
        column: usize,
        /// Maximum depth.
        limit: usize,
    },
}

/// Text in place of the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// The end of the file.
    End,
    /// A character.
    Character(char),
    /// A letter sequence or an invalid number.
    Word(String),
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => formatter.write_str("the end of the file"),
            Self::Character('\n' | '\r') => formatter.write_str("a line break"),
            Self::Character('`') => formatter.write_str("a backtick"),
            Self::Character('\u{feff}') => formatter.write_str("a byte order mark"),
            Self::Character(sign) if sign.is_control() => {
                write!(formatter, "the control character `{}`", sign.escape_default())
            }
            Self::Character(sign) => write!(formatter, "`{sign}`"),
            Self::Word(word) => write!(formatter, "`{}`", excerpt(word)),
        }
    }
}

/// Returns what to do about common mistakes.
fn advice(found: &Found) -> &'static str {
    match found {
        Found::Character('\'') => {
            "; enclose texts in double quotes (Python writes them with `json.dumps`)"
        }
        Found::Character('/' | '#') => "; remove comments, which JSON does not have",
        Found::Character(']' | '}') => "; remove a comma in front of it",
        Found::Character('\n' | '\r' | '\t') => "; write `\\n` or `\\t` in texts",
        Found::Word(word) => match word.as_str() {
            "True" | "False" | "None" => {
                "; write `true`, `false` or `null` (as Python's `json.dumps` does)"
            }
            "nan" | "inf" => "; write `null`",
            _ => "",
        },
        Found::End | Found::Character(_) => "",
    }
}
