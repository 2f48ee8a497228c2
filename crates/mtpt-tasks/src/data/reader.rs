use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use mtpt_io::fs::open;
use serde_json::Value as Json;

use crate::data::csv::CsvRows;
use crate::data::error::DataError;
use crate::data::example::Example;
use crate::data::format::{Columns, Fields, Format};
use crate::data::lines::Lines;
use crate::data::location::SourceLocation;
#[cfg(feature = "parquet")]
use crate::data::parquet::ParquetRows;
use crate::data::superglue_rows;
use crate::data::value::{Value, json_kind, json_value};
use crate::error::Result;

/// Iterator over the rows of a data file.
///
/// A byte order mark at the start and a carriage return at the end of a line are ignored. Empty
/// lines are skipped. The iterator ends after the first error.
///
/// # Errors
///
/// An item may be [`IoError`](crate::IoError), [`DataError::NotUtf8`], [`DataError::NoHeader`],
/// [`DataError::Header`], [`DataError::Separator`], [`DataError::DuplicateColumn`],
/// [`DataError::FieldCount`], [`DataError::OpenQuote`], [`DataError::Json`] or
/// [`DataError::NestedRow`]. All except the first contain the file and line.
pub struct Reader<R = BufReader<File>> {
    rows: Rows<R>,
    file: Arc<Path>,
    format: Format,
    /// Names of the columns, or of the fields of the previous row.
    names: Option<Arc<[String]>>,
    /// Rows of the current line that haven't been returned yet.
    pending: VecDeque<Example>,
    answers_apart: bool,
    ended: bool,
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// Returns [`IoError`](crate::IoError) if the file cannot be opened, [`DataError::Parquet`], or
    /// [`DataError::WithoutFeature`] for a Parquet file without the feature `parquet`.
    pub fn open(format: Format, path: &Path) -> Result<Self> {
        if format == Format::Parquet {
            return Self::open_parquet(path);
        }
        let file = open(path)?;
        Ok(Self::new(format, BufReader::new(file), path))
    }

    #[cfg(feature = "parquet")]
    fn open_parquet(path: &Path) -> Result<Self> {
        let rows = Rows::Parquet(Box::new(ParquetRows::open(path)?));
        Ok(Self::with_rows(Format::Parquet, rows, path.into()))
    }

    #[cfg(not(feature = "parquet"))]
    fn open_parquet(path: &Path) -> Result<Self> {
        Err(DataError::WithoutFeature { what: path.display().to_string(), feature: "parquet" }
            .into())
    }
}

impl<R: BufRead> Reader<R> {
    /// Creates a reader of bytes from any source; the path is used in messages.
    ///
    /// Parquet is not supported: reading it requires random access.
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
        let pending = VecDeque::new();
        Self { rows, file, format, names: None, pending, answers_apart: false, ended: false }
    }

    /// Sets whether a line with several answers becomes one row per answer instead of one row per
    /// query.
    ///
    /// This affects only `superglue_record`. As in T5, answers are separate rows for training and
    /// references of one row for evaluation.
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
                // A line may have no rows.
                while self.pending.is_empty() && self.read_object()? {}
                Ok(self.pending.pop_front())
            }
        }
    }

    /// Returns the fields of the next row, its location, and its last line.
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
            return Err(
                DataError::FieldCount { location, separator, expected, found, last_line }.into()
            );
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
            return Err(DataError::NoHeader { path: self.file.to_path_buf() }.into());
        };
        // A table with a single column most likely has another separator.
        if let [column] = found.as_slice()
            && let Some((separator, format)) = self.format.other_separator(column)
        {
            return Err(DataError::Separator { location, separator, format }.into());
        }
        match columns {
            Columns::Renamed(header, names) if found == header => Ok(owned(names).into()),
            Columns::Header(needed)
                if needed.iter().all(|column| found.iter().any(|name| name == column)) =>
            {
                let again = |(index, name)| found[..index].contains(name);
                match found.iter().enumerate().find(|&column| again(column)) {
                    Some((_, column)) => {
                        Err(DataError::DuplicateColumn { location, column: column.clone() }.into())
                    }
                    None => Ok(found.into()),
                }
            }
            Columns::Known(expected)
            | Columns::Renamed(expected, _)
            | Columns::Header(expected) => {
                Err(DataError::Header { location, expected: owned(expected), found }.into())
            }
        }
    }

    /// Reads the rows of the next line into `pending`; returns false at the end of the file.
    fn read_object(&mut self) -> Result<bool> {
        let Rows::Lines(lines) = &mut self.rows else { return Ok(false) };
        let Some((line, location)) = lines.read()? else { return Ok(false) };
        let object = match serde_json::from_str::<Json>(line) {
            Ok(object @ Json::Object(_)) => object,
            Ok(other) => {
                return Err(DataError::Json {
                    location,
                    message: format!("found {}", json_kind(&other)),
                }
                .into());
            }
            // Each line is parsed separately, so serde_json always reports line 1.
            Err(error) => {
                let message = error.to_string();
                let message = message.replace(" at line 1 column ", " at column ");
                return Err(DataError::Json { location, message }.into());
            }
        };
        if let Some(rows) =
            superglue_rows::nested_rows(self.format, &object, self.answers_apart, &location)
        {
            for row in rows? {
                let (names, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
                let names = self.shared_names(names.into_iter());
                self.pending.push_back(Example::with_names(names, values, location.clone()));
            }
            return Ok(true);
        }
        let Json::Object(object) = object else { return Ok(true) };
        let names = self.shared_names(object.keys().map(String::as_str));
        let values = object.into_iter().map(|(_, found)| json_value(found));
        self.pending.push_back(Example::with_names(names, values.collect(), location));
        Ok(true)
    }

    /// Returns the names of a row's fields, shared with the previous row if they are equal.
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

/// Rows of a file before their fields are named.
enum Rows<R> {
    /// One row per line.
    Lines(Lines<R>),
    /// Rows with line breaks in quoted fields.
    Quoted(CsvRows<R>),
    /// Rows of a Parquet file.
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows>),
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = formatter.debug_struct("Reader");
        parts.field("file", &self.file).field("format", &self.format).finish_non_exhaustive()
    }
}
