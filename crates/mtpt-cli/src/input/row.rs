use std::path::Path;

use mtpt::tasks::{Example, SourceLocation};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// A row of standard input or of a file.
#[derive(Debug)]
pub(crate) struct Row {
    /// Line number, starting at 1.
    line: usize,
    fields: Map<String, Value>,
}

impl Row {
    /// Creates a row of texts.
    pub(crate) fn from_example(example: &Example) -> Self {
        let text = |(name, text): (&str, &str)| (name.to_owned(), Value::from(text));
        Self { line: example.location().line(), fields: example.fields().map(text).collect() }
    }

    /// Parses a line of JSON.
    pub(crate) fn parse(line: usize, text: &str) -> Result<Self> {
        let problem = |problem: String| Error::Row { line, problem };
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Ok(Self { line, fields }),
            Ok(_) => Err(problem(
                "expected a JSON object, found another value; write one object per line".into(),
            )),
            // Most likely a row of a CSV file.
            Err(_) if !text.trim_start().starts_with('{') => {
                Err(problem("expected a JSON object; pass a CSV or TSV file with `--input`".into()))
            }
            Err(error) => {
                let error = error.to_string().replace(" at line 1 column ", " at column ");
                Err(problem(format!("expected a JSON object: {error}")))
            }
        }
    }

    /// Creates an error that names the row's line.
    pub(crate) fn error(&self, problem: impl Into<String>) -> Error {
        Error::Row { line: self.line, problem: problem.into() }
    }

    /// Returns whether the row has a field.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Returns a field that must be text if it is present.
    pub(crate) fn text(&self, field: &str) -> Result<Option<&str>> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.error(format!("`{field}` must be a string, found {other}"))),
        }
    }

    /// Returns the fields for the template of a task.
    pub(crate) fn example(&self) -> Example {
        let location = SourceLocation::new(Path::new("standard input"), self.line);
        Example::from_json(self.fields.clone(), location)
    }

    /// Returns the tokens of a text field, or the token ids of the field with the suffix `_ids`.
    pub(crate) fn tokens(
        &self,
        field: &str,
        vocab_size: usize,
        tokenize: impl Fn(&str) -> mtpt::t5::Result<Vec<u32>>,
    ) -> Result<Vec<u32>> {
        let ids_field = format!("{field}_ids");
        let ids = match (self.text(field)?, self.fields.get(&ids_field)) {
            (Some(_), Some(_)) => {
                return Err(self.error(format!("expected `{field}` or `{ids_field}`, found both")));
            }
            (Some(text), None) => tokenize(text).map_err(|error| self.error(error.to_string()))?,
            (None, Some(ids)) => serde_json::from_value(ids.clone()).map_err(|_| {
                self.error(format!("`{ids_field}` must be a list of token ids, found {ids}"))
            })?,
            (None, None) => {
                let problem = format!("expected `{field}` or `{ids_field}`, found neither");
                return Err(self.error(problem));
            }
        };
        if ids.is_empty() {
            return Err(self.error(format!("`{field}` has no tokens")));
        }
        if let Some(token) = ids.iter().find(|&&token| token as usize >= vocab_size) {
            return Err(self.error(format!(
                "token {token} of `{field}` is not in the model's vocabulary of {vocab_size}"
            )));
        }
        Ok(ids)
    }
}
