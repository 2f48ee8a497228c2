use serde::de::DeserializeOwned;

use crate::names::with_nearest_name;

/// Why a text of TOML cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TomlProblem {
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What the reader of TOML expected and found, and the known name that an unknown one is near
    /// to.
    pub message: String,
}

/// Reads a text of TOML; all configurations of the workspace are read by this, so that all complain
/// alike.
///
/// # Errors
///
/// When it is not TOML, or has other keys or types than expected.
pub fn read_toml<T: DeserializeOwned>(text: &str) -> Result<T, TomlProblem> {
    toml::from_str(text).map_err(|error| TomlProblem {
        line: error.span().map(|span| line_of(text, span.start)),
        message: in_words(with_nearest_name(error.message())),
    })
}

/// What serde says of types, in the words of who writes TOML.
fn in_words(message: String) -> String {
    let message = ["usize", "u64", "u32"].into_iter().fold(message, |message, number| {
        message.replace(&format!("expected {number}"), "expected a whole number, 0 or more")
    });
    let message = ["f64", "f32"].into_iter().fold(message, |message, number| {
        message.replace(&format!("expected {number}"), "expected a number")
    });
    if message.starts_with("invalid type: map, expected a sequence") {
        return "expected a list of tables, which double brackets begin: `[[tasks]]`".to_owned();
    }
    // The name of a type in the program says nothing to who writes TOML.
    if let Some((before, _)) = message.split_once("expected struct ") {
        return format!("{before}expected a table");
    }
    message
}

/// The line of a byte, counted from 1.
pub fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|&byte| byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only errors are looked at")]
    struct Document {
        steps: usize,
        #[serde(default)]
        rate: f64,
        #[serde(default)]
        tasks: Vec<Self>,
    }

    #[test]
    fn problems_are_told_in_words_and_with_their_line() {
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
                "expected a list of tables, which double brackets begin: `[[tasks]]`",
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
    fn a_table_is_called_a_table() {
        #[derive(Debug, Deserialize)]
        struct Outer {
            #[expect(dead_code, reason = "read for its type alone")]
            inner: Inner,
        }
        #[derive(Debug, Deserialize)]
        struct Inner {}
        let problem = read_toml::<Outer>("inner = true").unwrap_err();
        assert_eq!(problem.message, "invalid type: boolean `true`, expected a table");
    }
}
