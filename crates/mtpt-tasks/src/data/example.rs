use std::sync::Arc;

use serde_json::{Map, Value as SerdeValue};

use crate::data::error::DataError;
use crate::data::field_names::{FieldNames, Position};
use crate::data::json::value::Json;
use crate::data::location::SourceLocation;
use crate::data::value::{NOT_A_NUMBER, NULL, Value};
use crate::error::{Error, Result};

/// A row of a data file: named texts in the order of the file, and their location.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    names: Arc<FieldNames>,
    values: Box<[Value]>,
    location: SourceLocation,
}

impl Example {
    /// Creates a row of named texts. A repeated name is an error only if it is required.
    pub fn new<N: Into<String>, T: Into<String>>(
        fields: impl IntoIterator<Item = (N, T)>,
        location: SourceLocation,
    ) -> Self {
        let (names, values): (Vec<_>, Vec<_>) =
            fields.into_iter().map(|(name, text)| (name.into(), Value::Text(text.into()))).unzip();
        Self { names: FieldNames::new(names).into(), values: values.into(), location }
    }

    /// Creates a row of the fields of a JSON object, in the order of the object. Numbers and
    /// booleans are converted to text.
    pub fn from_json(object: Map<String, SerdeValue>, location: SourceLocation) -> Self {
        let value = |value| Value::from(Json::from(value));
        let (names, values): (Vec<_>, Vec<_>) =
            object.into_iter().map(|(name, found)| (name, value(found))).unzip();
        Self { names: FieldNames::new(names).into(), values: values.into(), location }
    }

    /// Creates a row that shares its names with other rows.
    pub(crate) fn with_names(
        names: Arc<FieldNames>,
        values: Vec<Value>,
        location: SourceLocation,
    ) -> Self {
        Self { names, values: values.into(), location }
    }

    /// Returns whether the row has a field, whatever its value.
    pub fn has(&self, field: &str) -> bool {
        !matches!(self.names.find(field), Position::Missing)
    }

    /// Returns whether the value of a field is null.
    pub fn is_null(&self, field: &str) -> bool {
        matches!(self.value(field), Ok(Some(Value::Unprintable(NULL))))
    }

    /// Returns whether a field has no value: it is null, `NaN`, blank if that counts, or missing in
    /// a row without a header.
    pub(crate) fn is_missing(&self, field: &str, blank_counts: bool) -> bool {
        match self.value(field) {
            Ok(Some(Value::Unprintable(kind))) => matches!(*kind, NULL | NOT_A_NUMBER),
            Ok(Some(Value::Text(text))) => blank_counts && text.trim().is_empty(),
            Ok(None) => self.names.header().is_none(),
            _ => false,
        }
    }

    /// Returns the text of a field, which may be a number or a boolean.
    pub fn get(&self, field: &str) -> Option<&str> {
        match self.value(field) {
            Ok(Some(Value::Text(text) | Value::Scalar(text))) => Some(text),
            _ => None,
        }
    }

    /// Returns the text of a field that is not a number or a boolean.
    ///
    /// # Errors
    ///
    /// As [`require`](Self::require).
    pub fn require_string(&self, field: &str) -> Result<&str> {
        match self.value(field)? {
            Some(Value::Scalar(_)) => Err(self.kind(field, "a number or a boolean")),
            _ => self.require(field),
        }
    }

    /// Returns the text of a required field, which may be a number or a boolean.
    ///
    /// # Errors
    ///
    /// Returns [`DataError::UnknownField`] if there is no such field,
    /// [`DataError::RepeatedField`] if there are several, and [`DataError::FieldKind`] if it is not
    /// text, a number or a boolean.
    pub fn require(&self, field: &str) -> Result<&str> {
        match self.value(field)? {
            Some(Value::Text(text) | Value::Scalar(text)) => Ok(text),
            Some(Value::Texts(_) | Value::Numbers(_)) => Err(self.kind(field, "an array")),
            Some(Value::Unprintable(found) | Value::Nested(found, _)) => {
                Err(self.kind(field, found))
            }
            None => Err(self.unknown(field)),
        }
    }

    /// Returns the texts of a required field, which is a text or a list of texts.
    ///
    /// # Errors
    ///
    /// As [`require`](Self::require).
    pub fn require_texts(&self, field: &str) -> Result<Vec<&str>> {
        match self.value(field)? {
            Some(Value::Texts(texts) | Value::Numbers(texts)) => {
                Ok(texts.iter().map(String::as_str).collect())
            }
            _ => self.require(field).map(|text| vec![text]),
        }
    }

    /// Returns the numbers of a field that is a list of numbers, as they were written; an empty
    /// list has no numbers.
    pub fn numbers(&self, field: &str) -> Option<&[String]> {
        match self.value(field) {
            Ok(Some(Value::Numbers(numbers))) => Some(numbers),
            Ok(Some(Value::Texts(texts))) if texts.is_empty() => Some(&[]),
            _ => None,
        }
    }

    /// Returns whether a field is a list.
    pub(crate) fn is_list(&self, field: &str) -> bool {
        matches!(self.value(field), Ok(Some(Value::Texts(_) | Value::Numbers(_))))
    }

    fn kind(&self, field: &str, found: &'static str) -> Error {
        Error::from(DataError::FieldKind {
            location: self.location.clone(),
            field: field.to_owned(),
            found,
        })
    }

    fn unknown(&self, field: &str) -> Error {
        let known = self.names.as_slice().iter().filter(|name| !name.is_empty()).cloned();
        let (location, field, known) = (self.location.clone(), field.to_owned(), known.collect());
        DataError::UnknownField { location, field, known }.into()
    }

    /// Returns the names and texts in the order of the file, without fields that are not text and
    /// columns without a name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = |name: &String| self.names.header().is_none() || !name.is_empty();
        self.names.as_slice().iter().zip(&self.values).filter_map(
            move |(name, value)| match value {
                Value::Text(text) | Value::Scalar(text) if named(name) => {
                    Some((name.as_str(), text.as_str()))
                }
                _ => None,
            },
        )
    }

    /// Returns the names and items of the fields that are lists of texts or of numbers.
    pub fn lists(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.names.as_slice().iter().zip(&self.values).filter_map(|(name, value)| match value {
            Value::Texts(items) | Value::Numbers(items) => Some((name.as_str(), items.as_slice())),
            _ => None,
        })
    }

    /// Returns the value of a field as JSON: text of a table as text, and values of JSON or Parquet
    /// with their types.
    pub fn json(&self, field: &str) -> Option<SerdeValue> {
        self.value(field).ok().flatten().and_then(Value::to_json)
    }

    /// Returns all fields as JSON, in the order of the file, without columns that have no name, or
    /// the name of an earlier one.
    pub fn to_json(&self) -> Map<String, SerdeValue> {
        let mut object = Map::new();
        for (name, value) in self.names.as_slice().iter().zip(&self.values) {
            let is_named = self.names.header().is_none() || !name.is_empty();
            if let Some(value) = value.to_json().filter(|_| is_named) {
                object.entry(name.as_str()).or_insert(value);
            }
        }
        object
    }

    /// Returns the location of the row.
    pub fn location(&self) -> &SourceLocation {
        &self.location
    }

    fn value(&self, field: &str) -> Result<Option<&Value>> {
        match self.names.find(field) {
            Position::At(index) => Ok(self.values.get(index)),
            Position::Missing => Ok(None),
            Position::Repeated => {
                let location = self.names.header().unwrap_or(&self.location).clone();
                Err(DataError::RepeatedField { location, field: field.to_owned() }.into())
            }
        }
    }
}
