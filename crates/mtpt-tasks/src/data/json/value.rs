use serde_json::Value as SerdeValue;

/// A JSON value, with numbers and repeated keys as they were written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// The digits of a number.
    Number(String),
    /// `NaN`, `Infinity` or `-Infinity`.
    NotFinite(&'static str),
    String(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Returns the kind of value, with an article.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::NotFinite(name) => name,
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// Converts a value for a format whose objects are read by `serde`.
    pub(crate) fn to_serde(&self) -> SerdeValue {
        match self {
            Self::Null | Self::NotFinite(_) => SerdeValue::Null,
            Self::Bool(truth) => SerdeValue::Bool(*truth),
            Self::Number(digits) => serde_json::from_str(digits).unwrap_or(SerdeValue::Null),
            Self::String(text) => SerdeValue::String(text.clone()),
            Self::Array(items) => items.iter().map(Self::to_serde).collect(),
            Self::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), value.to_serde())).collect()
            }
        }
    }
}

impl From<SerdeValue> for Json {
    fn from(value: SerdeValue) -> Self {
        match value {
            SerdeValue::Null => Self::Null,
            SerdeValue::Bool(truth) => Self::Bool(truth),
            SerdeValue::Number(number) => Self::Number(number.to_string()),
            SerdeValue::String(text) => Self::String(text),
            SerdeValue::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            SerdeValue::Object(fields) => Self::Object(
                fields.into_iter().map(|(name, value)| (name, Self::from(value))).collect(),
            ),
        }
    }
}
