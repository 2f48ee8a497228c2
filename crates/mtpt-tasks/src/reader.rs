use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::csv_rows::CsvRows;
use crate::error::{Error, Result};
use crate::example::{Example, SourceLocation, Value};
use crate::format::{Columns, Fields, Format};
#[cfg(feature = "parquet")]
use crate::parquet_rows::ParquetRows;
use crate::superglue;

/// The rows of a file, one by one.
///
/// A byte order mark at the beginning and a carriage return at the end of a line are no part of a row; lines without
/// any character are passed over. After an error there are no more rows.
///
/// # Errors
///
/// Each item may be one: [`Error::Read`], [`Error::NotUtf8`], [`Error::NoHeader`], [`Error::Header`],
/// [`Error::Separator`], [`Error::DuplicateColumn`], [`Error::FieldCount`], [`Error::OpenQuote`], [`Error::Json`],
/// [`Error::NestedRow`]. All but the first name file and line.
pub struct Reader<R = BufReader<File>> {
    rows: Rows<R>,
    file: Arc<Path>,
    format: Format,
    /// Names of the columns, or of the fields of the row before.
    names: Option<Arc<[String]>>,
    /// Rows of a line that has several, and that was read already.
    waiting: VecDeque<Example>,
    answers_apart: bool,
    ended: bool,
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if it cannot be opened, [`Error::Parquet`], and [`Error::WithoutFeature`] for Parquet without the feature
    /// `parquet`.
    pub fn open(format: Format, path: &Path) -> Result<Self> {
        if format == Format::Parquet {
            return Self::open_parquet(path);
        }
        let file =
            File::open(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
        Ok(Self::new(format, BufReader::new(file), path))
    }

    #[cfg(feature = "parquet")]
    fn open_parquet(path: &Path) -> Result<Self> {
        let rows = Rows::Parquet(Box::new(ParquetRows::open(path)?));
        Ok(Self::with_rows(Format::Parquet, rows, path.into()))
    }

    #[cfg(not(feature = "parquet"))]
    fn open_parquet(path: &Path) -> Result<Self> {
        Err(Error::WithoutFeature { what: path.display().to_string(), feature: "parquet" })
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads from bytes that came from elsewhere; the path is for messages. Parquet cannot be read so: its bytes do not come in the
    /// order of its rows.
    pub fn new(format: Format, bytes: R, path: &Path) -> Self {
        let file: Arc<Path> = path.into();
        let rows = match format.fields() {
            Some(Fields { separator, quoted: true }) => {
                Rows::Quoted(CsvRows::new(bytes, Arc::clone(&file), separator as u8))
            }
            _ => Rows::Lines(Lines::new(bytes, path)),
        };
        Self::with_rows(format, rows, file)
    }

    fn with_rows(format: Format, rows: Rows<R>, file: Arc<Path>) -> Self {
        let waiting = VecDeque::new();
        Self { rows, file, format, names: None, waiting, answers_apart: false, ended: false }
    }

    /// The same, with a row for each answer where a line of the format has several: `superglue_record` alone. To learn from, as
    /// T5 does; all of them together judge.
    #[must_use]
    pub fn answers_apart(mut self, apart: bool) -> Self {
        self.answers_apart = apart;
        self
    }

    fn read(&mut self) -> Result<Option<Example>> {
        #[cfg(feature = "parquet")]
        if let Rows::Parquet(rows) = &mut self.rows {
            let Some((names, values, location)) = rows.read()? else { return Ok(None) };
            let names = self.shared_names(names.iter().map(String::as_str));
            return Ok(Some(Example::with_names(names, values, location)));
        }
        match self.format.columns() {
            Some(columns) => self.read_fields(columns),
            None => {
                // A line may have no row at all.
                while self.waiting.is_empty() && self.read_object()? {}
                Ok(self.waiting.pop_front())
            }
        }
    }

    /// The next row as fields, where it begins, and the line where it ends.
    fn split(&mut self) -> Result<Option<(Vec<String>, SourceLocation, usize)>> {
        match &mut self.rows {
            Rows::Quoted(rows) => rows.read(),
            Rows::Lines(lines) => Ok(lines.read()?.map(|(line, location)| {
                let last_line = location.line();
                (line.split('\t').map(str::to_owned).collect(), location, last_line)
            })),
            #[cfg(feature = "parquet")]
            Rows::Parquet(_) => Ok(None),
        }
    }

    fn read_fields(&mut self, columns: Columns) -> Result<Option<Example>> {
        let names = match &self.names {
            Some(names) => Arc::clone(names),
            None => {
                let names = self.read_names(columns)?;
                Arc::clone(self.names.insert(names))
            }
        };
        let (fields, location, last_line) = loop {
            let Some(row) = self.split()? else { return Ok(None) };
            if row.0.len() >= names.len() || !self.format.has_broken_rows() {
                break row;
            }
        };
        if fields.len() != names.len() {
            let (expected, found) = (names.len(), fields.len());
            let separator = self.format.fields().map_or("", Fields::separators);
            return Err(Error::FieldCount { location, separator, expected, found, last_line });
        }
        let values = fields.into_iter().map(Value::Text).collect();
        Ok(Some(Example::with_names(names, values, location)))
    }

    fn read_names(&mut self, columns: Columns) -> Result<Arc<[String]>> {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        if let Columns::Known(names) = columns {
            return Ok(owned(names).into());
        }
        let Some((found, location, _)) = self.split()? else {
            return Err(Error::NoHeader { path: self.file.to_path_buf() });
        };
        // One column is hardly what a table was made for.
        if let [column] = found.as_slice()
            && let Some((separator, format)) = self.format.other_separator(column)
        {
            return Err(Error::Separator { location, separator, format });
        }
        match columns {
            Columns::Renamed(header, names) if found == header => Ok(owned(names).into()),
            Columns::Header(needed)
                if needed.iter().all(|column| found.iter().any(|name| name == column)) =>
            {
                let again = |(index, name)| found[..index].contains(name);
                match found.iter().enumerate().find(|&column| again(column)) {
                    Some((_, column)) => {
                        Err(Error::DuplicateColumn { location, column: column.clone() })
                    }
                    None => Ok(found.into()),
                }
            }
            Columns::Known(expected)
            | Columns::Renamed(expected, _)
            | Columns::Header(expected) => {
                Err(Error::Header { location, expected: owned(expected), found })
            }
        }
    }

    /// Puts the rows of the next line to those that wait; false if there is no line.
    fn read_object(&mut self) -> Result<bool> {
        let Rows::Lines(lines) = &mut self.rows else { return Ok(false) };
        let Some((line, location)) = lines.read()? else { return Ok(false) };
        let object = match serde_json::from_str::<Json>(line) {
            Ok(object @ Json::Object(_)) => object,
            Ok(other) => {
                return Err(Error::Json { location, message: format!("found {}", kind(&other)) });
            }
            // The line of the error would be 1 always: each line is parsed alone.
            Err(error) => {
                let message = error.to_string();
                let message = message.replace(" at line 1 column ", " at column ");
                return Err(Error::Json { location, message });
            }
        };
        if let Some(rows) = superglue::rows(self.format, &object, self.answers_apart, &location) {
            for row in rows? {
                let (names, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
                let names = self.shared_names(names.into_iter());
                self.waiting.push_back(Example::with_names(names, values, location.clone()));
            }
            return Ok(true);
        }
        let Json::Object(object) = object else { return Ok(true) };
        let names = self.shared_names(object.keys().map(String::as_str));
        let values = object.into_iter().map(|(_, found)| value(found));
        self.waiting.push_back(Example::with_names(names, values.collect(), location));
        Ok(true)
    }

    /// The names of a row, which are those of the row before it more often than not.
    fn shared_names<'a>(
        &mut self,
        found: impl ExactSizeIterator<Item = &'a str> + Clone,
    ) -> Arc<[String]> {
        let names = match self.names.take() {
            Some(names) if names.iter().map(String::as_str).eq(found.clone()) => names,
            _ => found.map(str::to_owned).collect(),
        };
        self.names = Some(Arc::clone(&names));
        names
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Example>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read().transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

/// The rows of a file before they have names.
enum Rows<R> {
    /// A row is a line.
    Lines(Lines<R>),
    /// A row may have line breaks in quotes.
    Quoted(CsvRows<R>),
    /// A row is a value of every column.
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows>),
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = formatter.debug_struct("Reader");
        parts.field("file", &self.file).field("format", &self.format).finish_non_exhaustive()
    }
}

/// Lines of text with their numbers.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    bytes: R,
    file: Arc<Path>,
    line: usize,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(bytes: R, path: &Path) -> Self {
        Self { bytes, file: path.into(), line: 0, buffer: Vec::new() }
    }

    /// The next line that has a character.
    pub(crate) fn read(&mut self) -> Result<Option<(&str, SourceLocation)>> {
        loop {
            self.buffer.clear();
            let count = self
                .bytes
                .read_until(b'\n', &mut self.buffer)
                .map_err(|source| Error::Read { path: self.file.to_path_buf(), source })?;
            if count == 0 {
                return Ok(None);
            }
            self.line += 1;
            if self.line == 1 && self.buffer.starts_with("\u{feff}".as_bytes()) {
                self.buffer.drain(.."\u{feff}".len());
            }
            if self.buffer.last() == Some(&b'\n') {
                self.buffer.pop();
            }
            if self.buffer.last() == Some(&b'\r') {
                self.buffer.pop();
            }
            if !self.buffer.is_empty() {
                break;
            }
        }
        let location = SourceLocation::new(Arc::clone(&self.file), self.line);
        match std::str::from_utf8(&self.buffer) {
            Ok(line) => Ok(Some((line, location))),
            Err(_) => Err(Error::NotUtf8 { location }),
        }
    }
}

/// What a field holds.
pub(crate) fn value(json: Json) -> Value {
    match json {
        Json::String(text) => Value::Text(text),
        Json::Number(number) => Value::Text(number.to_string()),
        Json::Bool(truth) => Value::Text(truth.to_string()),
        Json::Array(items) if items.iter().all(Json::is_string) => {
            let text = |item| if let Json::String(text) = item { Some(text) } else { None };
            Value::Texts(items.into_iter().filter_map(text).collect())
        }
        // As SQuAD nests its answers: `{"text": ["..."], "answer_start": [17]}`.
        Json::Object(mut object) if object.get("text").is_some_and(Json::is_array) => {
            match object.remove("text").map(value) {
                Some(texts @ Value::Texts(_)) => texts,
                _ => Value::Unprintable("an object"),
            }
        }
        other => Value::Unprintable(kind(&other)),
    }
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a truth value",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}
