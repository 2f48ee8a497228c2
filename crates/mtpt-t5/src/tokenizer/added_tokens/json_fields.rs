use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::{Result, TokenizerError};

/// A JSON file that must be an object, for messages about its fields.
pub(crate) struct JsonFields {
    path: PathBuf,
    pub(crate) fields: Map<String, Value>,
}

impl JsonFields {
    /// Reads a file, or returns an empty object if there is none.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        if !path.is_file() {
            return Ok(Self { path, fields: Map::new() });
        }
        let bytes = mtpt_io::fs::read(&path)?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(fields)) => Ok(Self { path, fields }),
            Ok(found) => {
                let found = kind(&found);
                Err(TokenizerError::NoObject { path, found }.into())
            }
            Err(error) => Err(TokenizerError::not_json(&path, &bytes, &error).into()),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// Returns a text field.
    pub(crate) fn text(&self, field: &str) -> Result<Option<&str>> {
        let text = |value| self.expect(field, "a text", value, Value::as_str);
        self.get(field).map(text).transpose()
    }

    /// Returns a field that is a count up to a limit.
    pub(crate) fn count(&self, field: &str, limit: usize) -> Result<Option<usize>> {
        let number = |value: &Value| {
            value.as_u64().and_then(|count| usize::try_from(count).ok()).filter(|n| *n <= limit)
        };
        let expected = format!("a number up to {limit}");
        let count = |value| self.expect(field, &expected, value, number);
        self.get(field).map(count).transpose()
    }

    /// Converts a value of a field, or returns an error that names the field.
    pub(crate) fn expect<'a, T>(
        &self,
        field: &str,
        expected: &str,
        value: &'a Value,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T> {
        convert(value).ok_or_else(|| {
            let (path, field, found) = (self.path.clone(), field.to_owned(), kind(value));
            TokenizerError::Field { path, field, expected: expected.to_owned(), found }.into()
        })
    }
}

/// Describes a value in a message.
fn kind(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        value => format!("`{value}`"),
    }
}
