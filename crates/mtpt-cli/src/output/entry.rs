use mtpt::tasks::SourceLocation;
use serde::{Deserialize, Serialize};

use crate::fields::Fields;

/// A row and its answers, as a line of a [`Journal`](crate::output::journal::Journal).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Line of the row.
    pub(crate) line: usize,
    /// Number of the row, if the line has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) row: Option<usize>,
    /// Columns of the row; `None` if it can't be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) columns: Option<Fields>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) answers: Vec<Fields>,
    /// Reason of a rejection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

impl Entry {
    /// Creates an entry without answers.
    pub(crate) fn new(location: Option<&SourceLocation>, columns: Option<Fields>) -> Self {
        Self {
            line: location.map_or(0, SourceLocation::line),
            row: location.and_then(SourceLocation::row),
            columns,
            answers: Vec::new(),
            error: None,
        }
    }

    /// Returns whether both are about the same row.
    pub(crate) fn is_of_same_row(&self, other: &Self) -> bool {
        (self.line, self.row, &self.columns) == (other.line, other.row, &other.columns)
    }
}
