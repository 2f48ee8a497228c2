use serde_json::Value as SerdeValue;

use crate::data::json::value::Json;

/// Value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A text.
    Text(String),
    /// A number or boolean, as it was written.
    Scalar(String),
    /// Several texts, which cannot be used in a template.
    Texts(Vec<String>),
    /// Several numbers, as they were written.
    Numbers(Vec<String>),
    /// Another kind of value, by its name. It is an error only if the field is used.
    Unprintable(&'static str),
    /// Another kind of value, by its name, with the value.
    Nested(&'static str, Box<SerdeValue>),
}

impl Value {
    /// Returns the value as JSON, or `None` if it has no form in JSON.
    pub(crate) fn to_json(&self) -> Option<SerdeValue> {
        Some(match self {
            Self::Text(text) => text.as_str().into(),
            Self::Scalar(text) => scalar(text),
            Self::Texts(texts) => texts.clone().into(),
            Self::Numbers(numbers) => numbers.iter().map(|number| scalar(number)).collect(),
            Self::Unprintable(NULL) => SerdeValue::Null,
            Self::Unprintable(_) => return None,
            Self::Nested(_, value) => SerdeValue::clone(value),
        })
    }

    /// Wraps a value without a use as text.
    fn nested(kind: &'static str, json: &Json) -> Self {
        Self::Nested(kind, Box::new(json.to_serde()))
    }
}

/// Returns a number or boolean as JSON. An integer with too many digits for a JSON number of 64
/// bits is text.
fn scalar(text: &str) -> SerdeValue {
    match serde_json::from_str(text) {
        Ok(SerdeValue::Number(number)) if number.is_f64() && is_integer(text) => text.into(),
        Ok(value) => value,
        Err(_) => text.into(),
    }
}

fn is_integer(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// Name of the kind of [`Value`] that stands for a missing value.
pub(crate) const NULL: &str = "null";
/// Name of the kind of [`Value`] that Python writes for a missing number.
pub(crate) const NOT_A_NUMBER: &str = "NaN";

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::String(text) => Self::Text(text),
            Json::Number(digits) => Self::Scalar(digits),
            Json::Bool(truth) => Self::Scalar(truth.to_string()),
            Json::Array(items) => list(items),
            Json::Object(fields) => object(fields),
            Json::Null => Self::Unprintable(NULL),
            other => Self::Unprintable(other.kind()),
        }
    }
}

fn list(items: Vec<Json>) -> Value {
    if items.iter().all(|item| matches!(item, Json::String(_))) {
        let texts = items.into_iter().filter_map(|item| match item {
            Json::String(text) => Some(text),
            _ => None,
        });
        return Value::Texts(texts.collect());
    }
    if items.iter().all(|item| matches!(item, Json::Number(_))) {
        let numbers = items.into_iter().filter_map(|item| match item {
            Json::Number(digits) => Some(digits),
            _ => None,
        });
        return Value::Numbers(numbers.collect());
    }
    let kind = if items.iter().all(|item| matches!(item, Json::Object(_))) {
        "an array of objects; if these are the rows, write this array alone to the file"
    } else {
        "an array"
    };
    Value::nested(kind, &Json::Array(items))
}

fn object(fields: Vec<(String, Json)>) -> Value {
    // SQuAD nests its answers: `{"text": ["..."], "answer_start": [17]}`.
    let texts = fields.iter().find(|(name, _)| name == "text");
    if let Some((_, Json::Array(texts))) = texts
        && let texts @ Value::Texts(_) = list(texts.clone())
    {
        return texts;
    }
    let kind = if fields.first().is_some_and(|(name, _)| name == "0") {
        "an object with a value for each row; write one object per row, which pandas does with \
         `orient=\"records\"`"
    } else {
        "an object"
    };
    Value::nested(kind, &Json::Object(fields))
}
