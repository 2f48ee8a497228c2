use serde::de::DeserializeOwned;

use crate::names::with_nearest_name;

/// Error in a TOML text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TomlProblem {
    /// The line, counted from 1, if known.
    pub line: Option<usize>,
    /// The expected and the found value, and a suggestion for an unknown key.
    pub message: String,
}

/// Deserializes a TOML text. All configurations of the workspace are read by this function, so
/// their messages are consistent.
///
/// # Errors
///
/// Returns [`TomlProblem`] for invalid TOML, unknown or missing keys, or wrong types.
pub fn read_toml<T: DeserializeOwned>(text: &str) -> Result<T, TomlProblem> {
    toml::from_str(text).map_err(|error| TomlProblem {
        line: error.span().map(|span| line_of(text, span.start)),
        message: without_type_names(with_nearest_name(error.message())),
    })
}

/// Replaces names of Rust types in a message of serde.
fn without_type_names(message: String) -> String {
    let message = ["usize", "u64", "u32"].into_iter().fold(message, |message, number| {
        message.replace(&format!("expected {number}"), "expected a whole number, 0 or more")
    });
    let message = ["f64", "f32"].into_iter().fold(message, |message, number| {
        message.replace(&format!("expected {number}"), "expected a number")
    });
    if message.starts_with("invalid type: map, expected a sequence") {
        return "expected a list of tables, with double brackets: `[[tasks]]`".to_owned();
    }
    if let Some((before, _)) = message.split_once("expected struct ") {
        return format!("{before}expected a table");
    }
    message
}

/// Returns the line of a byte offset, counted from 1. For many offsets, see `LineNumbers`.
pub fn line_of(text: &str, byte: usize) -> usize {
    LineNumbers::new(text).of(byte)
}

/// The positions of the line breaks of a text.
#[derive(Clone, Debug)]
pub(crate) struct LineNumbers(Vec<usize>);

impl LineNumbers {
    /// Finds the line breaks of a text.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(position, _)| position).collect())
    }

    /// Returns the line of a byte offset, counted from 1.
    pub(crate) fn of(&self, byte: usize) -> usize {
        self.0.partition_point(|&line_break| line_break < byte) + 1
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only errors are tested")]
    struct Document {
        steps: usize,
        #[serde(default)]
        rate: f64,
        #[serde(default)]
        tasks: Vec<Self>,
    }

    #[test]
    fn locates_problems_without_type_names() {
        for (text, line, message) in [
            (
                "\nsteps = \"many\"",
                2,
                "invalid type: string \"many\", expected a whole number, 0 or more",
            ),
            ("steps = 1\nrate = \"x\"", 2, "invalid type: string \"x\", expected a number"),
            (
                "steps = 1\n[tasks]\nsteps = 1",
                2,
                "expected a list of tables, with double brackets: `[[tasks]]`",
            ),
            (
                "stpes = 1",
                1,
                "unknown field `stpes`, expected one of `steps`, `rate`, `tasks`; did you mean `steps`?",
            ),
        ] {
            let problem = read_toml::<Document>(text).unwrap_err();
            assert_eq!(problem, TomlProblem { line: Some(line), message: message.to_owned() });
        }
    }

    #[test]
    fn lines_are_counted_from_one() {
        let numbers = LineNumbers::new("a\n\nb\n");
        let lines: Vec<usize> = (0..7).map(|byte| numbers.of(byte)).collect();
        assert_eq!(lines, [1, 1, 2, 3, 3, 4, 4]);
        assert_eq!(line_of("", 0), 1);
    }

    #[test]
    fn names_tables() {
        #[derive(Debug, Deserialize)]
        struct Outer {
            #[expect(dead_code, reason = "only its type is tested")]
            inner: Inner,
        }
        #[derive(Debug, Deserialize)]
        struct Inner {}
        let problem = read_toml::<Outer>("inner = true").unwrap_err();
        assert_eq!(problem.message, "invalid type: boolean `true`, expected a table");
    }
}
