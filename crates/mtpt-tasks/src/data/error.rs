use std::path::PathBuf;

use crate::data::format::Format;
use crate::data::location::SourceLocation;
use crate::names::{did_you_mean_one_of, quoted_list};

/// An invalid data file or row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file has no rows.
    #[error("{}: expected rows, found none", .path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// A line is not UTF-8.
    #[error(
        "{location}: expected text in UTF-8, found other bytes; save the file as UTF-8 (a workbook \
         as \"CSV UTF-8\")"
    )]
    NotUtf8 {
        /// The line.
        location: SourceLocation,
    },
    /// A file whose first line is a header has no line.
    #[error("{}: expected a header line, found an empty file", .path.display())]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
    /// A header does not match the format.
    #[error(
        "{location}: expected the header {}, found {}",
        quoted_list(.expected), quoted_list(.found)
    )]
    Header {
        /// The line.
        location: SourceLocation,
        /// The columns of the format.
        expected: Vec<String>,
        /// The columns of the file.
        found: Vec<String>,
    },
    /// A header names a column twice.
    #[error("{location}: expected every column once, found `{column}` again")]
    DuplicateColumn {
        /// The line.
        location: SourceLocation,
        /// The column.
        column: String,
    },
    /// A row has too few or too many fields.
    #[error(
        "{location}: expected {expected} fields separated by {separator}, found {found}{}",
        unclosed_quote(.location, *.last_line)
    )]
    FieldCount {
        /// The row.
        location: SourceLocation,
        /// Name of the field separator, in the plural.
        separator: &'static str,
        /// Number of columns.
        expected: usize,
        /// Number of fields in the row.
        found: usize,
        /// The last line of the row.
        last_line: usize,
    },
    /// The header is one column in this format, but several in another.
    #[error(
        "{location}: the fields seem to be separated by `{}`, which is `format = \"{}\"`",
        separator.escape_default(), format.as_str()
    )]
    Separator {
        /// The header.
        location: SourceLocation,
        /// The separator in the header.
        separator: char,
        /// The format with this separator.
        format: Format,
    },
    /// The first line of a file is neither a JSON object nor the header of a table.
    #[error(
        "{}: expected {}", .path.display(),
        if *array { "one JSON object a line, found an array over the whole file" }
        else {
            "a header with names separated by commas, semicolons or tabs, or one JSON object a line"
        }
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Whether the file is a JSON array.
        array: bool,
    },
    /// A quoted field is not closed before the end of the file.
    #[error(
        "{location}: a quote in this row is never closed; write `\"\"` for a quote in a quoted field"
    )]
    OpenQuote {
        /// The row.
        location: SourceLocation,
    },
    /// A line is not a JSON object.
    #[error("{location}: expected a JSON object, but {message}")]
    Json {
        /// The line.
        location: SourceLocation,
        /// The message of the JSON reader, with the column.
        message: String,
    },
    /// A file is not Parquet.
    #[error("{}: expected a Parquet file, but {message}", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The message of the Parquet reader.
        message: String,
    },
    /// A feature is needed that is not enabled.
    #[error("`{what}` needs the feature `{feature}`, which this program was built without")]
    WithoutFeature {
        /// The file or dataset.
        what: String,
        /// The feature.
        feature: &'static str,
    },
    /// A nested JSON object does not match the format.
    #[error("{location}: expected an object of the format `{}`, but {message}", format.as_str())]
    NestedRow {
        /// The line.
        location: SourceLocation,
        /// The format.
        format: Format,
        /// The message of the JSON reader.
        message: String,
    },
    /// A row does not have a required field.
    #[error(
        "{location}: expected the field `{field}`, found {}{}",
        quoted_list(.known), did_you_mean_one_of(.field, .known)
    )]
    UnknownField {
        /// The row.
        location: SourceLocation,
        /// The field.
        field: String,
        /// The fields of the row.
        known: Vec<String>,
    },
    /// A required field is not text, a number or a boolean.
    #[error(
        "{location}: expected text, a number or a boolean in the field `{field}`, found {found}"
    )]
    FieldKind {
        /// The row.
        location: SourceLocation,
        /// The field.
        field: String,
        /// Kind of value found.
        found: &'static str,
    },
    /// A label has no label word.
    #[error(
        "{location}: expected one of the labels {}, found `{label}`{}",
        quoted_list(.known), did_you_mean_one_of(.label, .known)
    )]
    UnknownLabel {
        /// The row.
        location: SourceLocation,
        /// The label.
        label: String,
        /// The labels that have words.
        known: Vec<String>,
    },
    /// A label does not occur in the training split, from which labels are collected.
    #[error(
        "{location}: the label `{label}` does not occur in `{}`, from which the labels are \
         collected{}; add rows with it, or list all labels in `labels`",
        .train.display(), did_you_mean_one_of(.label, .known)
    )]
    UnseenLabel {
        /// The row.
        location: SourceLocation,
        /// The label.
        label: String,
        /// The file of the training split.
        train: PathBuf,
        /// The labels in the file.
        known: Vec<String>,
    },
    /// A row has no label.
    #[error("{location}: the field `{field}` has no label; fill it in, or remove the row")]
    NoLabel {
        /// The row.
        location: SourceLocation,
        /// The field.
        field: String,
    },
    /// Two labels of the training split differ only in case or whitespace.
    #[error(
        "{location}: the labels `{first}` and `{second}` differ only in case or whitespace; spell \
         them alike, or list all labels in `labels`"
    )]
    LabelsAlike {
        /// The first row with the second label.
        location: SourceLocation,
        /// The label of an earlier row.
        first: String,
        /// The label of this row.
        second: String,
    },
    /// A field has no text, but at least one is needed.
    #[error("{location}: expected at least one text in the field `{field}`, found an empty array")]
    NoText {
        /// The row.
        location: SourceLocation,
        /// The field.
        field: String,
    },
    /// A score is not a number in the range of the scale.
    #[error("{location}: expected a score from {lowest} to {highest}, found `{found}`")]
    Score {
        /// The row.
        location: SourceLocation,
        /// The lowest score.
        lowest: f64,
        /// The highest score.
        highest: f64,
        /// The text found.
        found: String,
    },
    /// A file changed between two passes over it.
    #[error(
        "{}: expected {expected} rows as in the first pass, found {found}; do not change the file \
         while it is read",
        .path.display()
    )]
    FileChanged {
        /// The file.
        path: PathBuf,
        /// Number of rows in the first pass.
        expected: usize,
        /// Number of rows in the second pass, at least.
        found: usize,
    },
}

/// A row of several lines with a wrong number of fields most likely has an unclosed quote.
fn unclosed_quote(location: &SourceLocation, last_line: usize) -> String {
    if last_line == location.line() {
        return String::new();
    }
    format!("; quotes join the lines up to {last_line}: is one not closed?")
}
