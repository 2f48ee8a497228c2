use serde_json::Value as Json;

/// Value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A text.
    Text(String),
    /// Several texts, which cannot be used in a template.
    Texts(Vec<String>),
    /// Another kind of value, by its name. It is an error only if the field is used.
    Unprintable(&'static str),
}

/// Converts a JSON value.
pub(crate) fn json_value(json: Json) -> Value {
    match json {
        Json::String(text) => Value::Text(text),
        Json::Number(number) => Value::Text(number.to_string()),
        Json::Bool(truth) => Value::Text(truth.to_string()),
        Json::Array(items) if items.iter().all(Json::is_string) => {
            let text = |item| if let Json::String(text) = item { Some(text) } else { None };
            Value::Texts(items.into_iter().filter_map(text).collect())
        }
        // SQuAD nests its answers: `{"text": ["..."], "answer_start": [17]}`.
        Json::Object(mut object) if object.get("text").is_some_and(Json::is_array) => {
            match object.remove("text").map(json_value) {
                Some(texts @ Value::Texts(_)) => texts,
                _ => Value::Unprintable("an object"),
            }
        }
        other => Value::Unprintable(json_kind(&other)),
    }
}

/// Returns the kind of a JSON value, with an article.
pub(crate) fn json_kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}
