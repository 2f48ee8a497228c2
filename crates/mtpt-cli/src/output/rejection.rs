use mtpt::tasks::SourceLocation;
use serde_json::{Value, json};

use crate::error::Error;
use crate::fields::Fields;
use crate::output::entry::Entry;

/// A row that can't be answered.
pub(crate) struct Rejection {
    /// The row, without answers.
    pub(crate) entry: Entry,
    /// The reason, with the location of the row.
    pub(crate) error: Error,
    /// The reason, without the location.
    pub(crate) problem: String,
}

impl Rejection {
    /// Creates a rejection of a row, whose columns are `None` if it can't be read.
    pub(crate) fn new(
        error: Error,
        location: Option<&SourceLocation>,
        columns: Option<Fields>,
    ) -> Self {
        let location = error.location().or(location).cloned();
        let message = error.to_string();
        let prefix = location.as_ref().map(|location| format!("{location}: "));
        let problem = prefix.and_then(|prefix| message.strip_prefix(&prefix).map(str::to_owned));
        let entry = Entry::new(location.as_ref(), columns);
        Self { entry, error, problem: problem.unwrap_or(message) }
    }
}

/// Returns a rejected row as an object.
pub(crate) fn rejected_row(entry: &Entry) -> Fields {
    let mut row = Fields::new();
    row.insert("line".to_owned(), entry.line.into());
    if let Some(number) = entry.row {
        row.insert("row".to_owned(), number.into());
    }
    row.insert("error".to_owned(), json!(entry.error));
    if let Some(columns) = &entry.columns {
        row.insert("columns".to_owned(), Value::Object(columns.clone()));
    }
    row
}
