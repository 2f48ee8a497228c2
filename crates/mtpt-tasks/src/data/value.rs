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
}

/// Name of the kind of [`Value`] that stands for a missing value.
pub(crate) const NULL: &str = "null";

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
    if items.iter().all(|item| matches!(item, Json::Object(_))) {
        return Value::Unprintable(
            "an array of objects; if these are the rows, write this array alone to the file",
        );
    }
    Value::Unprintable("an array")
}

fn object(mut fields: Vec<(String, Json)>) -> Value {
    // SQuAD nests its answers: `{"text": ["..."], "answer_start": [17]}`.
    if let Some(texts) = fields.iter().position(|(name, _)| name == "text")
        && let Value::Texts(texts) = Value::from(fields.swap_remove(texts).1)
    {
        return Value::Texts(texts);
    }
    if fields.first().is_some_and(|(name, _)| name == "0") {
        return Value::Unprintable(
            "an object with a value for each row; write one object per row, which pandas does with \
             `orient=\"records\"`",
        );
    }
    Value::Unprintable("an object")
}
