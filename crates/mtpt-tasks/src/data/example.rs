use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::data::error::DataError;
use crate::data::location::SourceLocation;
use crate::data::value::{Value, json_value};
use crate::error::{Error, Result};

/// A row of a data file: named texts in the order of the file, and their location.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    names: Arc<[String]>,
    values: Box<[Value]>,
    location: SourceLocation,
}

impl Example {
    /// Creates a row of named texts. A repeated name is ignored.
    pub fn new<N: Into<String>, T: Into<String>>(
        fields: impl IntoIterator<Item = (N, T)>,
        location: SourceLocation,
    ) -> Self {
        let (names, values): (Vec<_>, Vec<_>) =
            fields.into_iter().map(|(name, text)| (name.into(), Value::Text(text.into()))).unzip();
        Self { names: names.into(), values: values.into(), location }
    }

    /// Creates a row of the fields of a JSON object, in the order of the object. Numbers and
    /// booleans are converted to text.
    pub fn from_json(object: Map<String, Json>, location: SourceLocation) -> Self {
        let (names, values): (Vec<_>, Vec<_>) =
            object.into_iter().map(|(name, value)| (name, json_value(value))).unzip();
        Self { names: names.into(), values: values.into(), location }
    }

    /// Creates a row that shares its names with other rows.
    pub(crate) fn with_names(
        names: Arc<[String]>,
        values: Vec<Value>,
        location: SourceLocation,
    ) -> Self {
        Self { names, values: values.into(), location }
    }

    /// Returns the text of a field.
    pub fn get(&self, field: &str) -> Option<&str> {
        match self.value(field)? {
            Value::Text(text) => Some(text),
            Value::Texts(_) | Value::Unprintable(_) => None,
        }
    }

    /// Returns the text of a required field.
    ///
    /// # Errors
    ///
    /// Returns [`DataError::UnknownField`] if there is no such field, and [`DataError::FieldKind`]
    /// if it is not text, a number or a boolean.
    pub fn require(&self, field: &str) -> Result<&str> {
        match self.value(field) {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Texts(_)) => Err(self.kind(field, "an array")),
            Some(Value::Unprintable(found)) => Err(self.kind(field, found)),
            None => Err(self.unknown(field)),
        }
    }

    /// Returns the texts of a required field, which has one or several.
    ///
    /// # Errors
    ///
    /// As [`require`](Self::require), and [`DataError::NoText`] for an empty list.
    pub fn require_texts(&self, field: &str) -> Result<Vec<&str>> {
        match self.value(field) {
            Some(Value::Text(text)) => Ok(vec![text]),
            Some(Value::Texts(texts)) if texts.is_empty() => {
                Err(DataError::NoText { location: self.location.clone(), field: field.to_owned() }
                    .into())
            }
            Some(Value::Texts(texts)) => Ok(texts.iter().map(String::as_str).collect()),
            Some(Value::Unprintable(found)) => Err(self.kind(field, found)),
            None => Err(self.unknown(field)),
        }
    }

    fn kind(&self, field: &str, found: &'static str) -> Error {
        Error::from(DataError::FieldKind {
            location: self.location.clone(),
            field: field.to_owned(),
            found,
        })
    }

    fn unknown(&self, field: &str) -> Error {
        Error::from(DataError::UnknownField {
            location: self.location.clone(),
            field: field.to_owned(),
            known: self.names.to_vec(),
        })
    }

    /// Returns the names and texts in the order of the file, without fields that are not text.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().zip(&self.values).filter_map(|(name, value)| match value {
            Value::Text(text) => Some((name.as_str(), text.as_str())),
            Value::Texts(_) | Value::Unprintable(_) => None,
        })
    }

    /// Returns the location of the row.
    pub fn location(&self) -> &SourceLocation {
        &self.location
    }

    fn value(&self, field: &str) -> Option<&Value> {
        let position = self.names.iter().position(|name| name == field)?;
        self.values.get(position)
    }
}
