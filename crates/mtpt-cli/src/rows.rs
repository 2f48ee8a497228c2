use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use mtpt::tasks::Format;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// A row of standard input or of a file.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its line, counted from 1.
    pub(crate) line: usize,
    fields: Map<String, Value>,
}

impl Row {
    fn parse(line: usize, text: &str) -> Result<Self> {
        let problem = |problem: String| Error::Row { line, problem };
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Ok(Self { line, fields }),
            Ok(_) => Err(problem(
                "expected a JSON object, found another value; write one object a line".into(),
            )),
            // A row of a table is the likeliest of all that is none.
            Err(_) if !text.trim_start().starts_with('{') => Err(problem(
                "expected a JSON object; name a file of rows in CSV, TSV or JSON Lines with `--input`".into(),
            )),
            Err(error) => {
                let problem_of_line = error.to_string().replace(" at line 1 column ", " at column ");
                Err(problem(format!("expected a JSON object: {problem_of_line}")))
            }
        }
    }

    /// An error that names the row's line.
    pub(crate) fn refuse(&self, problem: impl Into<String>) -> Error {
        Error::Row { line: self.line, problem: problem.into() }
    }

    /// Every field.
    pub(crate) fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// A field that must be text, if it is there.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>> {
        match self.fields.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.refuse(format!("`{key}` must be a string, found {other}"))),
        }
    }

    /// Tokens: those of a text under a key, or numbers under the key with `_ids`.
    pub(crate) fn tokens(
        &self,
        key: &str,
        vocab_size: usize,
        encode: impl Fn(&str) -> mtpt::t5::Result<Vec<u32>>,
    ) -> Result<Vec<u32>> {
        let ids_key = format!("{key}_ids");
        let ids = match (self.text(key)?, self.fields.get(&ids_key)) {
            (Some(_), Some(_)) => {
                return Err(self.refuse(format!("expected `{key}` or `{ids_key}`, found both")));
            }
            (Some(text), None) => encode(text).map_err(|error| self.refuse(error.to_string()))?,
            (None, Some(ids)) => serde_json::from_value(ids.clone()).map_err(|_| {
                self.refuse(format!("`{ids_key}` must be a list of token numbers, found {ids}"))
            })?,
            (None, None) => {
                return Err(self.refuse(format!("expected `{key}` or `{ids_key}`, found neither")));
            }
        };
        if ids.is_empty() {
            return Err(self.refuse(format!("`{key}` has no token")));
        }
        if let Some(token) = ids.iter().find(|&&token| token as usize >= vocab_size) {
            return Err(self.refuse(format!(
                "token {token} of `{key}` is not in the model's vocabulary of {vocab_size}"
            )));
        }
        Ok(ids)
    }
}

/// Reads rows, of a file or of standard input, and hands them on in batches, in order.
///
/// A row that cannot be used ends the work with an error that names it, but what came before it is done first.
pub(crate) fn each_batch<T>(
    file: Option<&Path>,
    batch_size: usize,
    prepare: impl Fn(Row) -> Result<T>,
    mut work: impl FnMut(&[T]) -> Result<()>,
) -> Result<()> {
    let mut batch = Vec::with_capacity(batch_size);
    let mut failure = None;
    let rows: Box<dyn Iterator<Item = Result<Row>>> = match file {
        Some(path) => rows_of_file(path)?,
        None => Box::new(objects(io::stdin().lock(), Error::Input)),
    };
    for row in rows {
        match row.and_then(&prepare) {
            Ok(row) => batch.push(row),
            Err(error @ (Error::Input(_) | Error::Read { .. })) => return Err(error),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
        if batch.len() == batch_size {
            work(&batch)?;
            batch.clear();
        }
    }
    if !batch.is_empty() {
        work(&batch)?;
    }
    failure.map_or(Ok(()), Err)
}

/// The rows of a file of any format that tells itself: JSON objects as they are, the fields of tables as text.
fn rows_of_file(path: &Path) -> Result<Box<dyn Iterator<Item = Result<Row>>>> {
    let format = Format::of_file(path)?;
    if format == Format::JsonLines {
        let failed = {
            let path = path.to_owned();
            move |source| Error::Read { path: path.clone(), source }
        };
        let file = File::open(path).map_err(&failed)?;
        return Ok(Box::new(objects(BufReader::new(file), failed)));
    }
    Ok(Box::new(format.open(path)?.map(|example| {
        let example = example?;
        let text = |(name, text): (&str, &str)| (name.to_owned(), Value::from(text));
        Ok(Row { line: example.location().line(), fields: example.fields().map(text).collect() })
    })))
}

/// The JSON objects of lines; empty lines are passed over.
fn objects(
    lines: impl BufRead,
    failed: impl Fn(io::Error) -> Error,
) -> impl Iterator<Item = Result<Row>> {
    lines.lines().zip(1..).filter_map(move |(text, line)| match text {
        Ok(text) => {
            let text = text.trim_start_matches('\u{feff}');
            (!text.trim().is_empty()).then(|| Row::parse(line, text))
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let problem = "expected UTF-8, found other bytes".to_owned();
            Some(Err(Error::Row { line, problem }))
        }
        Err(error) => Some(Err(failed(error))),
    })
}
