//! The values that a setting lists.

use std::collections::HashSet;
use std::path::Path;

use toml_edit::Value;

/// Splits the value of a setting at its commas, if it lists several values.
///
/// A value lists several if it is no TOML value itself, such as an array or a quoted text, and each
/// part is a TOML value or a word. A text with spaces and the path of an existing file are single
/// values. `folder` is the folder that paths start at.
///
/// # Errors
///
/// A message if there is nothing between two commas.
pub(crate) fn alternatives<'a>(value: &'a str, folder: &Path) -> Result<Vec<&'a str>, String> {
    let value = value.trim();
    let single = || Ok(vec![value]);
    if is_toml(value) {
        return single();
    }
    let parts: Vec<&str> = split(value).into_iter().map(str::trim).collect();
    if parts.len() == 1 || folder.join(value).exists() {
        return single();
    }
    if !parts.iter().all(|part| part.is_empty() || is_toml(part) || is_word(part)) {
        return single();
    }
    if parts.contains(&"") {
        return Err("a value is missing next to a comma; to pass a comma, put the value into \
                    double quotes"
            .to_owned());
    }
    let mut known = HashSet::new();
    Ok(parts.into_iter().filter(|part| known.insert(*part)).collect())
}

fn is_toml(text: &str) -> bool {
    text.parse::<Value>().is_ok()
}

/// Returns whether a text can be a name or a path without quotes.
fn is_word(text: &str) -> bool {
    let is_allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':');
    !text.is_empty() && text.chars().all(is_allowed)
}

/// Splits a text at the commas outside quotes and brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_i32, None);
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), _) if character == open && !escaped => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            (None, _) => {}
        }
        escaped = false;
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(value: &str) -> Vec<&str> {
        alternatives(value, Path::new("no folder")).unwrap()
    }

    #[test]
    fn values_are_split_at_commas() {
        assert_eq!(list("0.1,0.3"), ["0.1", "0.3"]);
        assert_eq!(list(" 0.1, 0.3 ,1e-3"), ["0.1", "0.3", "1e-3"]);
        assert_eq!(list("constant,linear"), ["constant", "linear"]);
        assert_eq!(list("true,false"), ["true", "false"]);
        assert_eq!(list("t5-small,models/t5-base"), ["t5-small", "models/t5-base"]);
        assert_eq!(list("\"a, b\",\"c\""), ["\"a, b\"", "\"c\""]);
        assert_eq!(list("[0],[0,1]"), ["[0]", "[0,1]"]);
        assert_eq!(
            list("{strategy=\"low_rank\",rank=1},separate"),
            ["{strategy=\"low_rank\",rank=1}", "separate"]
        );
        assert_eq!(list("1,1,2"), ["1", "2"]);
    }

    #[test]
    fn single_values_keep_their_commas() {
        for value in [
            "0.1",
            "[1,2]",
            "[\"accuracy\", \"f1\"]",
            "{a=1,b=2}",
            "\"data,v2.csv\"",
            "'a,b'",
            "\"a \\\" , b\"",
            "classify this, please",
            "runs/first",
            "",
        ] {
            assert_eq!(list(value), [value]);
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("data,v2.csv"), "").unwrap();
        assert_eq!(alternatives("data,v2.csv", folder.path()).unwrap(), ["data,v2.csv"]);
    }

    #[test]
    fn missing_values_are_rejected() {
        for value in ["0.1,", ",0.1", "0.1,,0.3", ","] {
            assert!(alternatives(value, Path::new("")).is_err(), "{value}");
        }
    }
}
