use std::sync::Arc;

use crate::data::error::DataError;
use crate::data::location::SourceLocation;
use crate::data::value::Value;
use crate::error::{Error, Result};

/// A row of a data file: texts with names, in the order of the file, and the row's location.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    names: Arc<[String]>,
    values: Box<[Value]>,
    location: SourceLocation,
}

impl Example {
    /// A row of named texts. Of two fields of one name, the first is seen.
    pub fn new<N: Into<String>, T: Into<String>>(
        fields: impl IntoIterator<Item = (N, T)>,
        location: SourceLocation,
    ) -> Self {
        let (names, values): (Vec<_>, Vec<_>) =
            fields.into_iter().map(|(name, text)| (name.into(), Value::Text(text.into()))).unzip();
        Self { names: names.into(), values: values.into(), location }
    }

    /// A row whose names are shared with the rows before it.
    pub(crate) fn with_names(
        names: Arc<[String]>,
        values: Vec<Value>,
        location: SourceLocation,
    ) -> Self {
        Self { names, values: values.into(), location }
    }

    /// The text of a field.
    pub fn get(&self, field: &str) -> Option<&str> {
        match self.value(field)? {
            Value::Text(text) => Some(text),
            Value::Texts(_) | Value::Unprintable(_) => None,
        }
    }

    /// The text of a field that must be there.
    ///
    /// # Errors
    ///
    /// [`DataError::UnknownField`] if there is no such field, [`DataError::FieldKind`] if it holds no text, number or truth
    /// value.
    pub fn require(&self, field: &str) -> Result<&str> {
        match self.value(field) {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Texts(_)) => Err(self.kind(field, "an array")),
            Some(Value::Unprintable(found)) => Err(self.kind(field, found)),
            None => Err(self.unknown(field)),
        }
    }

    /// The texts of a field that must be there: the one that it holds, or all where it holds several.
    ///
    /// # Errors
    ///
    /// As [`require`](Self::require), and [`DataError::NoText`] if it holds several of which there is none.
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

    /// Names and texts in the order of the file; fields without text are left out.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().zip(&self.values).filter_map(|(name, value)| match value {
            Value::Text(text) => Some((name.as_str(), text.as_str())),
            Value::Texts(_) | Value::Unprintable(_) => None,
        })
    }

    /// Where the row stands.
    pub fn location(&self) -> &SourceLocation {
        &self.location
    }

    fn value(&self, field: &str) -> Option<&Value> {
        let position = self.names.iter().position(|name| name == field)?;
        self.values.get(position)
    }
}
