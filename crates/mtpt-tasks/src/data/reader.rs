use std::collections::VecDeque;
use std::fmt;
use std::io::BufRead;
use std::mem::replace;
use std::path::Path;
use std::sync::Arc;

use crate::data::compression::Compression;
use crate::data::decoded::Decoded;
use crate::data::decompressed::{Decompressed, damage, open_decompressed};
use crate::data::error::DataError;
use crate::data::example::Example;
use crate::data::field_names::FieldNames;
use crate::data::format::{Columns, Fields, Format};
use crate::data::json::rows::JsonRows;
use crate::data::json::value::Json;
use crate::data::layout::{Layout, separator_line};
use crate::data::lines::{CarriageReturn, Lines};
#[cfg(feature = "parquet")]
use crate::data::parquet::rows::ParquetRows;
use crate::data::quoted_rows::{FieldsOfRow, is_quoted};
use crate::data::rows::Rows;
use crate::data::superglue_rows;
use crate::data::value::Value;
use crate::error::{Error, Result};

/// Iterator over the rows of a data file, which may be compressed with gzip or zstd.
///
/// A byte order mark at the start and a carriage return at the end of a line are ignored. Empty
/// lines, and rows of tables that are separators alone, are skipped. Empty fields that a row has
/// beyond those of the header are ignored. The iterator ends after the first error.
///
/// Columns without a name, or with the name of another column, are errors only if a template or
/// label asks for them.
///
/// # Errors
///
/// An item may be [`IoError`](crate::IoError), [`DataError::Encoding`], [`DataError::ForeignFile`],
/// [`DataError::NoHeader`], [`DataError::Header`], [`DataError::Separator`],
/// [`DataError::FieldCount`], [`DataError::Quoted`], [`DataError::OpenQuote`],
/// [`DataError::TextAfterQuote`], [`DataError::Json`] or [`DataError::NestedRow`]. All except the
/// first contain the file, and the line if it is known. Damaged compressed data is a
/// [`CompressionError`](crate::data::CompressionError).
pub struct Reader<R = Decompressed> {
    rows: Rows<R>,
    file: Arc<Path>,
    layout: Layout,
    /// Names of the columns, or of the fields of the previous row.
    names: Option<Arc<FieldNames>>,
    /// Rows of the current line that haven't been returned yet.
    pending: VecDeque<Example>,
    answers_apart: bool,
    ended: bool,
    /// Whether the last item was an error that concerns one row only.
    failed_in_row: bool,
    /// Error of a row that was returned as that of the damaged file.
    row_error: Option<Error>,
    /// Compression of a file that wasn't checked for damage; `None` for a stream.
    compression: Option<Compression>,
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// Returns [`IoError`](crate::IoError) if the file cannot be opened, [`DataError::Parquet`],
    /// [`CompressionError::Parquet`](crate::data::CompressionError::Parquet), or
    /// [`DataError::WithoutFeature`] for a Parquet file without the feature `parquet`.
    pub fn open(format: Format, path: &Path) -> Result<Self> {
        if format == Format::Parquet {
            return Self::open_parquet(path);
        }
        Layout::from(format).open(path)
    }

    #[cfg(feature = "parquet")]
    fn open_parquet(path: &Path) -> Result<Self> {
        let rows = Rows::Parquet(Box::new(ParquetRows::open(path)?));
        Ok(Self::with_rows(Format::Parquet.into(), rows, path.into()))
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
        Layout::from(format).read(bytes, path)
    }

    /// Continues after the last error, if it concerns one row only: the next item is the row after
    /// it. Returns whether this is possible.
    ///
    /// It is not possible after an error in the header, in a JSON array or in Parquet, after a
    /// quote that is never closed, and after a failed read.
    ///
    /// ```
    /// use std::path::Path;
    /// use mtpt_tasks::{Format, Reader};
    ///
    /// let table: &[u8] = b"id,text\n1,one,more\n2,two\n";
    /// let mut rows = Reader::new(Format::Csv, table, Path::new("rows.csv"));
    /// assert!(rows.next().unwrap().is_err());
    /// assert!(rows.skip_bad_row()?);
    /// assert_eq!(rows.next().unwrap()?.get("text"), Some("two"));
    /// # Ok::<(), mtpt_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for items.
    pub fn skip_bad_row(&mut self) -> Result<bool> {
        if !self.failed_in_row {
            return Ok(false);
        }
        self.failed_in_row = false;
        let has_next = self.rows.skip_line()?;
        self.ended = !has_next;
        Ok(has_next)
    }

    /// Returns the error of the row itself, if the last error was that of damaged compressed data.
    pub fn take_row_error(&mut self) -> Option<Error> {
        self.row_error.take()
    }

    /// Returns how the rows are written.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    fn with_rows(layout: Layout, rows: Rows<R>, file: Arc<Path>) -> Self {
        let pending = VecDeque::new();
        Self {
            rows,
            file,
            layout,
            names: None,
            pending,
            answers_apart: false,
            ended: false,
            failed_in_row: false,
            row_error: None,
            compression: None,
        }
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
            let names = self.shared_names(names.iter().map(|name| &**name));
            return Ok(Some(Example::with_names(names, values, location)));
        }
        match self.layout.format.columns() {
            Some(columns) => self.read_fields(columns),
            None => {
                // A line may have no rows.
                while self.pending.is_empty() && self.read_object()? {}
                Ok(self.pending.pop_front())
            }
        }
    }

    fn next_fields(&mut self) -> Result<Option<FieldsOfRow>> {
        self.rows.next_fields(self.layout.fields().map_or('\t', |fields| fields.separator))
    }

    fn read_fields(&mut self, columns: Columns) -> Result<Option<Example>> {
        let names = match &self.names {
            Some(names) => Arc::clone(names),
            None => {
                let names = self.read_names(columns)?;
                Arc::clone(self.names.insert(names))
            }
        };
        let expected = names.as_slice().len();
        let row = loop {
            let Some(row) = self.next_fields()? else { return Ok(None) };
            let is_broken = row.fields.len() < expected && self.layout.format.has_broken_rows();
            if !is_broken && !self.is_blank(&row, expected) {
                break row;
            }
        };
        let FieldsOfRow { mut fields, location, last_line, .. } = row;
        let quote = self.layout.may_be_quoted() && fields.iter().any(|it| it.starts_with('"'));
        if quote && let Some(field) = fields.iter().find(|field| is_quoted(field)) {
            let field = field.chars().take(40).collect();
            return Err(DataError::Quoted { location, field }.into());
        }
        if self.layout.format.is_table() {
            // Spreadsheets leave separators after the last column of a row, or of the header.
            if fields.iter().skip(expected).all(String::is_empty) {
                fields.truncate(expected);
            }
            if names.as_slice().iter().skip(fields.len()).all(String::is_empty) {
                fields.resize(fields.len().max(expected), String::new());
            }
        }
        if fields.len() != expected {
            let found = fields.len();
            let separator = self.layout.fields().map_or("", Fields::separators);
            let count =
                DataError::FieldCount { location, separator, expected, found, last_line, quote };
            return Err(count.into());
        }
        let values = fields.into_iter().map(Value::Text).collect();
        Ok(Some(Example::with_names(names, values, location)))
    }

    /// Returns whether a row of a table consists of separators or blanks alone, as spreadsheets
    /// write empty rows.
    fn is_blank(&self, row: &FieldsOfRow, columns: usize) -> bool {
        let is_blank = match row.fields.as_slice() {
            [blanks] => columns > 1 && blanks.trim().is_empty(),
            fields => fields.iter().all(String::is_empty),
        };
        self.layout.format.is_table() && !row.quoted && is_blank
    }

    fn read_names(&mut self, columns: Columns) -> Result<Arc<FieldNames>> {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        if let Columns::Known(names) = columns {
            return Ok(FieldNames::new(owned(names)).into());
        }
        let Some(FieldsOfRow { fields: found, location, .. }) = self.first_row()? else {
            return Err(DataError::NoHeader { path: self.file.to_path_buf() }.into());
        };
        let format = self.layout.format;
        // A table with a single column most likely has another separator.
        if let [column] = found.as_slice()
            && let Some((separator, setting)) = self.layout.other_separator(column)
        {
            return Err(DataError::Separator { location, separator, setting }.into());
        }
        let is_enclosed =
            |name: &String| name.len() > 1 && name.starts_with('"') && name.ends_with('"');
        if self.layout.may_be_quoted() && found.iter().all(is_enclosed) {
            let field = found.into_iter().next().unwrap_or_default();
            return Err(DataError::Quoted { location, field }.into());
        }
        match columns {
            Columns::Renamed(header, names) if found == header => {
                Ok(FieldNames::new(owned(names)).into())
            }
            Columns::Header(needed)
                if needed.iter().all(|column| found.iter().any(|name| name == column)) =>
            {
                Ok(if format.is_table() {
                    FieldNames::of_header(found, location).into()
                } else {
                    FieldNames::new(found).into()
                })
            }
            Columns::Known(expected)
            | Columns::Renamed(expected, _)
            | Columns::Header(expected) => {
                Err(DataError::Header { location, expected: owned(expected), found }.into())
            }
        }
    }

    /// Returns the header of a delimited file, which may follow a line that names the separator.
    fn first_row(&mut self) -> Result<Option<FieldsOfRow>> {
        loop {
            let Some(row) = self.next_fields()? else { return Ok(None) };
            let Some(own) = self.layout.fields().filter(|_| self.layout.format.is_table()) else {
                return Ok(Some(row));
            };
            if row.fields.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            let line = row.fields.join(&own.separator.to_string());
            match separator_line(&line) {
                None => return Ok(Some(row)),
                Some(separator) if separator == own.separator => {}
                Some(separator) => {
                    let (location, setting) = (row.location, Layout::setting(separator));
                    return Err(DataError::Separator { location, separator, setting }.into());
                }
            }
        }
    }

    /// Reads the rows of the next object into `pending`; returns false at the end of the file.
    fn read_object(&mut self) -> Result<bool> {
        let Rows::Json(rows) = &mut self.rows else { return Ok(false) };
        let Some((object, location)) = rows.read()? else { return Ok(false) };
        if let Some(rows) =
            superglue_rows::nested_rows(self.layout.format, &object, self.answers_apart, &location)
        {
            for row in rows? {
                let (names, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
                let names = self.shared_names(names.into_iter());
                self.pending.push_back(Example::with_names(names, values, location.clone()));
            }
            return Ok(true);
        }
        let Json::Object(object) = object else { return Ok(true) };
        let names = self.shared_names(object.iter().map(|(name, _)| name.as_str()));
        let values = object.into_iter().map(|(_, found)| Value::from(found));
        self.pending.push_back(Example::with_names(names, values.collect(), location));
        Ok(true)
    }

    /// Returns the names of a row's fields, shared with the previous row if they are equal.
    fn shared_names<'a>(
        &mut self,
        found: impl ExactSizeIterator<Item = &'a str> + Clone,
    ) -> Arc<FieldNames> {
        let equal =
            |names: &FieldNames| names.as_slice().iter().map(String::as_str).eq(found.clone());
        let names = match self.names.take() {
            Some(names) if equal(&names) => names,
            _ => FieldNames::new(found.map(str::to_owned).collect()).into(),
        };
        self.names = Some(Arc::clone(&names));
        names
    }
}

impl Layout {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// As [`Reader::open`].
    pub fn open(&self, path: &Path) -> Result<Reader> {
        if self.format == Format::Parquet {
            return Reader::open(self.format, path);
        }
        let (bytes, compression) = open_decompressed(path)?;
        Ok(Reader { compression, ..self.read(bytes, path) })
    }

    /// Creates a reader of bytes from any source; the path is used in messages.
    ///
    /// Parquet is not supported: reading it requires random access.
    pub fn read<R: BufRead>(&self, bytes: R, path: &Path) -> Reader<R> {
        let file: Arc<Path> = path.into();
        let bytes = Decoded::new(bytes, self.encoding);
        let lines = |bytes, returns| Lines::new(bytes, path, returns);
        let rows = match self.fields() {
            None => Rows::Json(JsonRows::new(bytes, Arc::clone(&file))),
            Some(Fields { quoted: true, .. }) => {
                Rows::Quoted(lines(bytes, CarriageReturn::LineEnd))
            }
            // Texts of tables without quotes may contain carriage returns.
            Some(_) if self.format.is_table() => {
                Rows::Lines(lines(bytes, CarriageReturn::AsInFirstLine))
            }
            Some(_) => Rows::Lines(lines(bytes, CarriageReturn::Text)),
        };
        Reader::with_rows(*self, rows, file)
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
        let Some(Err(mut error)) = item else { return item };
        let has_names = self.names.is_some() || self.layout.format.columns().is_none();
        self.failed_in_row = has_names && error.unreadable_row().is_some();
        if let Some(damage) = self.compression.take().and_then(|_| damage(&self.file)) {
            self.row_error = Some(replace(&mut error, damage)).filter(|_| self.failed_in_row);
        }
        Some(Err(error))
    }
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = formatter.debug_struct("Reader");
        parts.field("file", &self.file).field("layout", &self.layout).finish_non_exhaustive()
    }
}
