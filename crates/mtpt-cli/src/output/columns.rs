use serde_json::Value;

use crate::output::entry::Entry;

/// A column of a table: its name, and the kind of all its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// Kind of values, from the narrowest to the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Null,
    Bool,
    Integer,
    Number,
    /// Text, and values of several kinds as text.
    Text,
}

impl Kind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if number.is_i64() => Self::Integer,
            Value::Number(_) => Self::Number,
            Value::String(_) | Value::Array(_) | Value::Object(_) => Self::Text,
        }
    }

    /// Returns the narrowest kind of two values.
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Null, kind) | (kind, Self::Null) => kind,
            (Self::Integer, Self::Number) | (Self::Number, Self::Integer) => Self::Number,
            (first, second) if first == second => first,
            _ => Self::Text,
        }
    }
}

/// Columns of all entries, in order of appearance.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// Columns of the rows.
    pub(crate) rows: Vec<Column>,
    /// Columns of the answers, without prefix.
    pub(crate) answers: Vec<Column>,
}

impl Columns {
    /// Returns columns of answers without values.
    pub(crate) fn of_answers(names: &[&str]) -> Self {
        let column = |name: &&str| Column { name: (*name).to_owned(), kind: Kind::Null };
        Self { rows: Vec::new(), answers: names.iter().map(column).collect() }
    }

    /// Adds the columns of an entry.
    pub(crate) fn add(&mut self, entry: &Entry) {
        for (name, value) in entry.columns.iter().flatten() {
            add(&mut self.rows, name, value);
        }
        for (name, value) in entry.answers.iter().flatten() {
            add(&mut self.answers, name, value);
        }
    }

    /// Returns a prefix for the columns of the answers with which no column of a row has the name
    /// of one of an answer.
    pub(crate) fn free_prefix(&self, prefix: &str) -> String {
        let answers = self.answers.iter().map(|answer| answer.name.as_str());
        free_prefix(prefix, answers, |name| self.rows.iter().any(|row| row.name == name))
    }
}

/// Returns a prefix for the names of answers with which none is the name of a column.
pub(crate) fn free_prefix<'a>(
    prefix: &str,
    answers: impl Iterator<Item = &'a str> + Clone,
    is_column: impl Fn(&str) -> bool,
) -> String {
    let collides =
        |prefix: &str| answers.clone().any(|answer| is_column(&format!("{prefix}{answer}")));
    let mut free = prefix.to_owned();
    let mut number = 1;
    while collides(&free) {
        number += 1;
        free = format!("{prefix}{number}_");
    }
    free
}

fn add(columns: &mut Vec<Column>, name: &str, value: &Value) {
    let kind = Kind::of(value);
    match columns.iter_mut().find(|column| column.name == name) {
        Some(column) => column.kind = column.kind.with(kind),
        None => columns.push(Column { name: name.to_owned(), kind }),
    }
}

/// Returns a value as text: nothing for null, JSON for lists and objects.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(columns: Value, answer: Value) -> Entry {
        let [columns, answer] = [columns, answer].map(|value| match value {
            Value::Object(fields) => fields,
            _ => panic!("an object"),
        });
        Entry { answers: vec![answer], ..Entry::new(None, Some(columns)) }
    }

    #[test]
    fn kinds_widen_to_text() {
        let mut columns = Columns::default();
        columns.add(&entry(json!({ "id": 1, "text": "a", "flag": null }), json!({ "label": 2 })));
        columns.add(&entry(json!({ "id": 2.5, "flag": true, "new": 1 }), json!({ "label": "x" })));
        let kinds = |columns: &[Column]| {
            columns.iter().map(|it| (it.name.clone(), it.kind)).collect::<Vec<_>>()
        };
        let named = |name: &str, kind| (name.to_owned(), kind);
        assert_eq!(
            kinds(&columns.rows),
            [
                named("id", Kind::Number),
                named("text", Kind::Text),
                named("flag", Kind::Bool),
                named("new", Kind::Integer)
            ]
        );
        assert_eq!(kinds(&columns.answers), [named("label", Kind::Text)]);
    }

    #[test]
    fn prefix_avoids_columns_of_an_earlier_job() {
        let mut columns = Columns::default();
        columns.add(&entry(json!({ "text": "a", "label": "b" }), json!({ "label": "c" })));
        assert_eq!(columns.free_prefix("predicted_"), "predicted_");
        columns.add(&entry(json!({ "predicted_label": "c" }), json!({ "label": "c" })));
        assert_eq!(columns.free_prefix("predicted_"), "predicted_2_");
    }
}
