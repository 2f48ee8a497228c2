use std::path::PathBuf;

use mtpt_io::ForeignContent;

use crate::data::encoding::Encoding;
use crate::data::format::Format;
use crate::data::json::error::JsonProblem;
use crate::data::location::SourceLocation;
use crate::data::parquet_problem::ParquetProblem;
use crate::excerpt::excerpt;
use crate::look_alike::{code_points, nearest_label};
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
    /// A line is not text in the encoding of the file.
    #[error("{location}: expected text in {}, found other bytes; {}", encoding.name(), other_encoding(*.encoding))]
    Encoding {
        /// The line.
        location: SourceLocation,
        /// The encoding.
        encoding: Encoding,
    },
    /// A file is not text, or not data.
    #[error("{}: expected rows as text, {content}", .path.display())]
    ForeignFile {
        /// The file.
        path: PathBuf,
        /// The actual content, with advice.
        content: ForeignContent,
    },
    /// An option does not apply to the format.
    #[error("`{key}` is for {expected}, not for `format = \"{}\"`", format.as_str())]
    NotOfFormat {
        /// The option.
        key: &'static str,
        /// The formats that it applies to.
        expected: &'static str,
        /// The format.
        format: Format,
    },
    /// A separator cannot be told from text.
    #[error(
        "expected `separator` to be a tab or a sign such as `|`, found `{}`", .found.escape_default()
    )]
    SeparatorCharacter {
        /// The character.
        found: char,
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
    /// Several columns or keys have the name of a required field.
    #[error("{location}: expected the field `{}` once, found it again; rename one of them", excerpt(.field))]
    RepeatedField {
        /// The header or the object.
        location: SourceLocation,
        /// The name.
        field: String,
    },
    /// A row has too few or too many fields.
    #[error(
        "{location}: expected {expected} fields separated by {separator}, found {found}{}{}",
        unclosed_quote(.location, *.last_line),
        if *.quote { "; a field starts with a quote: set `dialect = { quotes = true }` if quotes \
                      enclose fields" } else { "" }
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
        /// Whether a field starts with a quote that is an ordinary character.
        quote: bool,
    },
    /// A field seems to be enclosed in quotes, which are ordinary characters.
    #[error(
        "{location}: the field `{field}` seems to be enclosed in quotes; set `dialect = {{ quotes = \
         true }}` to read quotes like those of a CSV file, or `quotes = false` if they are part of \
         the text"
    )]
    Quoted {
        /// The row.
        location: SourceLocation,
        /// The start of the field.
        field: String,
    },
    /// The header is one column in this format, but several in another.
    #[error(
        "{location}: the fields seem to be separated by `{}`, which is `{setting}`",
        separator.escape_default()
    )]
    Separator {
        /// The header.
        location: SourceLocation,
        /// The separator in the header.
        separator: char,
        /// The setting for this separator.
        setting: String,
    },
    /// The first line of a file is neither JSON nor the header of a table.
    #[error(
        "{}: expected a header with names separated by commas, semicolons, tabs or `|`, or JSON \
         objects", .path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A quoted field is not closed before the end of the file, or the quoted fields of a row are
    /// longer than 16 MiB.
    #[error(
        "{location}: a quote that opens in this line is never closed, or only after 16 MiB; write \
         `\"\"` for a quote in a quoted field"
    )]
    OpenQuote {
        /// The line of the quote.
        location: SourceLocation,
    },
    /// Text follows the closing quote of a field.
    #[error(
        "{location}: expected a separator after the closing quote of a field{}, found `{}`; \
         write `\"\"` for a quote in a quoted field",
        if *.last_line > .location.line() { format!(" (in line {last_line})") } else { String::new() },
        excerpt(.found)
    )]
    TextAfterQuote {
        /// The line in which the field starts.
        location: SourceLocation,
        /// The line of the closing quote.
        last_line: usize,
        /// The start of the text.
        found: String,
    },
    /// A row has more fields than any table.
    #[error(
        "{location}: a row has more than {maximum} fields; check that the file is a table, and set \
         its `format` or `separator`"
    )]
    TooManyFields {
        /// The line in which the row starts.
        location: SourceLocation,
        /// Maximum number of fields.
        maximum: usize,
    },
    /// A file or line is not JSON, or not a JSON object.
    #[error("{location}: {problem}")]
    Json {
        /// The line.
        location: SourceLocation,
        /// The problem, with the column.
        problem: JsonProblem,
    },
    /// A file is not Parquet, or damaged.
    #[error("{}: expected a Parquet file, but {problem}", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: ParquetProblem,
    },
    /// A stream contains Parquet.
    #[error(
        "{}: found Parquet, which cannot be read from a stream; save it to a file", .path.display()
    )]
    ParquetStream {
        /// Name of the stream.
        path: PathBuf,
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
        "{location}: expected one of the labels {}, found `{}`{}",
        quoted_list(.known), excerpt(.label), nearest_label(.label, .known)
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
        "{location}: the label `{}` does not occur in `{}`, from which the labels are \
         collected{}; add rows with it, or list all labels in `labels`",
        excerpt(.label), .train.display(), nearest_label(.label, .known)
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
    #[error(
        "{location}: the field `{field}` has no label; fill it in, or set `unlabeled = \"skip\"` to \
         leave the row out"
    )]
    NoLabel {
        /// The row.
        location: SourceLocation,
        /// The field.
        field: String,
    },
    /// Two labels of the training split differ only in case or whitespace.
    #[error(
        "{location}: the labels `{}` and `{}` differ only in case or whitespace; spell them alike, or \
         list all labels in `labels`",
        excerpt(.first), excerpt(.second)
    )]
    LabelsAlike {
        /// The first row with the second label.
        location: SourceLocation,
        /// The label of an earlier row.
        first: String,
        /// The label of this row.
        second: String,
    },
    /// Two labels of the training split look the same, but have other characters.
    #[error(
        "{location}: the labels `{}` and `{}` look the same, but are `{}` and `{}`; spell \
         them alike, or list all labels in `labels`",
        excerpt(.first), excerpt(.second), code_points(.first), code_points(.second)
    )]
    LabelsLookAlike {
        /// The first row with the second label.
        location: SourceLocation,
        /// The label of an earlier row.
        first: String,
        /// The label of this row.
        second: String,
    },
    /// A label consists of several known ones.
    #[error(
        "{location}: expected one label, found several in `{}`; if rows have any number of \
         labels, set `labels = {{ multi_label = {{ labels = [...], separator = \"{separator}\" }} }}`",
        excerpt(.label)
    )]
    JoinedLabels {
        /// The row.
        location: SourceLocation,
        /// The labels.
        label: String,
        /// The text between them.
        separator: &'static str,
    },
    /// A row has a list of labels, but the task expects one.
    #[error(
        "{location}: expected one label in the field `{field}`, found an array; if rows have any \
         number of labels, set `labels = {{ multi_label = [...] }}`"
    )]
    SeveralLabels {
        /// The row.
        location: SourceLocation,
        /// The field.
        field: String,
    },
    /// A field has no text, but at least one is needed.
    #[error(
        "{location}: expected at least one text in the field `{field}`, found an empty array; if \
         rows may have no answer, as in SQuAD 2.0, set `labels = {{ text = {{ no_answer = \
         \"unanswerable\" }} }}`"
    )]
    NoText {
        /// The row.
        location: SourceLocation,
        /// The field.
        field: String,
    },
    /// A score is not a number in the range of the scale.
    #[error("{location}: expected a score from {lowest} to {highest}, found `{}`", excerpt(.found))]
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

fn other_encoding(encoding: Encoding) -> &'static str {
    if encoding == Encoding::UTF_8 {
        "set `encoding` (such as `encoding = \"windows-1252\"` for Latin-1), or save the file as \
         UTF-8 (a workbook as \"CSV UTF-8\")"
    } else {
        "set another `encoding`, or save the file as UTF-8"
    }
}
