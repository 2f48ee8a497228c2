use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::example::{Example, Place, Value};
use crate::format::{Columns, Format};

/// The rows of a file, one by one.
///
/// A byte order mark at the beginning and a carriage return at the end of a line are no part of a row; lines without
/// any character are passed over. After an error there are no more rows.
///
/// # Errors
///
/// Each item may be one: [`Error::Read`], [`Error::NotUtf8`], [`Error::NoHeader`], [`Error::Header`],
/// [`Error::DuplicateColumn`], [`Error::FieldCount`], [`Error::Json`]. All but the first name file and line.
#[derive(Debug)]
pub struct Reader<R = BufReader<File>> {
    lines: Lines<R>,
    format: Format,
    /// Names of the columns, or of the fields of the row before.
    names: Option<Arc<[String]>>,
    ended: bool,
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if it cannot be opened.
    pub fn open(format: Format, path: &Path) -> Result<Self> {
        let file =
            File::open(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
        Ok(Self::new(format, BufReader::new(file), path))
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads from bytes that came from elsewhere; the path is for messages.
    pub fn new(format: Format, bytes: R, path: &Path) -> Self {
        let lines = Lines::new(bytes, path);
        Self { lines, format, names: None, ended: false }
    }

    fn read(&mut self) -> Result<Option<Example>> {
        match self.format.columns() {
            Some(columns) => self.read_fields(columns),
            None => self.read_object(),
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
        let Some((line, place)) = self.lines.read()? else { return Ok(None) };
        let found = line.split('\t').count();
        if found != names.len() {
            return Err(Error::FieldCount { place, expected: names.len(), found });
        }
        let values = line.split('\t').map(|text| Value::Text(text.to_owned())).collect();
        Ok(Some(Example::with_names(names, values, place)))
    }

    fn read_names(&mut self, columns: Columns) -> Result<Arc<[String]>> {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        if let Columns::Known(names) = columns {
            return Ok(owned(names).into());
        }
        let Some((line, place)) = self.lines.read()? else {
            return Err(Error::NoHeader { path: self.lines.file.to_path_buf() });
        };
        let found: Vec<String> = line.split('\t').map(str::to_owned).collect();
        match columns {
            Columns::Renamed(header, names) if found == header => Ok(owned(names).into()),
            Columns::Header(needed)
                if needed.iter().all(|column| found.iter().any(|name| name == column)) =>
            {
                let again = |(index, name)| found[..index].contains(name);
                match found.iter().enumerate().find(|&column| again(column)) {
                    Some((_, column)) => {
                        Err(Error::DuplicateColumn { place, column: column.clone() })
                    }
                    None => Ok(found.into()),
                }
            }
            Columns::Known(expected)
            | Columns::Renamed(expected, _)
            | Columns::Header(expected) => {
                Err(Error::Header { place, expected: owned(expected), found })
            }
        }
    }

    fn read_object(&mut self) -> Result<Option<Example>> {
        let Some((line, place)) = self.lines.read()? else { return Ok(None) };
        let object = match serde_json::from_str::<Json>(line) {
            Ok(Json::Object(object)) => object,
            Ok(other) => {
                return Err(Error::Json { place, message: format!("found {}", kind(&other)) });
            }
            // The line of the error would be 1 always: each line is parsed alone.
            Err(error) => {
                let message = error.to_string();
                let message = message.replace(" at line 1 column ", " at column ");
                return Err(Error::Json { place, message });
            }
        };
        let names = match self.names.take() {
            Some(names) if names.iter().eq(object.keys()) => names,
            _ => object.keys().cloned().collect(),
        };
        self.names = Some(Arc::clone(&names));
        let values = object.into_iter().map(|(_, value)| match value {
            Json::String(text) => Value::Text(text),
            Json::Number(number) => Value::Text(number.to_string()),
            Json::Bool(truth) => Value::Text(truth.to_string()),
            other => Value::Unprintable(kind(&other)),
        });
        Ok(Some(Example::with_names(names, values.collect(), place)))
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
    pub(crate) fn read(&mut self) -> Result<Option<(&str, Place)>> {
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
        let place = Place::new(Arc::clone(&self.file), self.line);
        match std::str::from_utf8(&self.buffer) {
            Ok(line) => Ok(Some((line, place))),
            Err(_) => Err(Error::NotUtf8 { place }),
        }
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
