use serde_json::Value as Json;

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    /// Several texts, which no template can print.
    Texts(Vec<String>),
    /// Something that no template can print, such as a list; it matters only once somebody asks for
    /// the field.
    Unprintable(&'static str),
}

/// What a field holds.
pub(crate) fn json_value(json: Json) -> Value {
    match json {
        Json::String(text) => Value::Text(text),
        Json::Number(number) => Value::Text(number.to_string()),
        Json::Bool(truth) => Value::Text(truth.to_string()),
        Json::Array(items) if items.iter().all(Json::is_string) => {
            let text = |item| if let Json::String(text) = item { Some(text) } else { None };
            Value::Texts(items.into_iter().filter_map(text).collect())
        }
        // As SQuAD nests its answers: `{"text": ["..."], "answer_start": [17]}`.
        Json::Object(mut object) if object.get("text").is_some_and(Json::is_array) => {
            match object.remove("text").map(json_value) {
                Some(texts @ Value::Texts(_)) => texts,
                _ => Value::Unprintable("an object"),
            }
        }
        other => Value::Unprintable(json_kind(&other)),
    }
}

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
