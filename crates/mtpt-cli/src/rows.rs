use std::io::{self, BufRead};

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// A row of standard input.
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
            Ok(_) => Err(problem("expected a JSON object, found another value".into())),
            Err(error) => Err(problem(format!("expected a JSON object: {error}"))),
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

/// Reads rows and hands them on in batches, in order.
///
/// A line that cannot be used ends the work with an error that names it, but what came before it is done first.
pub(crate) fn each_batch<T>(
    batch_size: usize,
    prepare: impl Fn(Row) -> Result<T>,
    mut work: impl FnMut(&[T]) -> Result<()>,
) -> Result<()> {
    let mut batch = Vec::with_capacity(batch_size);
    let mut failure = None;
    for (index, text) in io::stdin().lock().lines().enumerate() {
        let text = match text {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let problem = "expected UTF-8, found other bytes".to_owned();
                failure = Some(Error::Row { line: index + 1, problem });
                break;
            }
            Err(error) => return Err(Error::Input(error)),
        };
        if text.trim().is_empty() {
            continue;
        }
        match Row::parse(index + 1, &text).and_then(&prepare) {
            Ok(row) => batch.push(row),
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
