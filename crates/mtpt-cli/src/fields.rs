use serde_json::{Map, Value};

/// Names and values of a row or of an answer, in their order.
pub(crate) type Fields = Map<String, Value>;
