//! Run configurations: reading them and applying `--set`.

use std::path::Path;

use mtpt::io::fs::read_to_string;
use toml_edit::{DocumentMut, Item, Table, Value};

use crate::config_kind::{Purpose, check_is_config};
use crate::error::{Error, Result};
use crate::setting_advice::with_advice;

/// Reads the text of a configuration file.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    Ok(read_to_string(path)?)
}

/// Applies settings to a configuration file and parses it. Returns the edited text and the result.
///
/// # Errors
///
/// If only the edited text can't be parsed, the error blames the settings: line numbers of the
/// edited text would mean nothing to the user.
pub(crate) fn read_with_settings<T, E: Into<Error>>(
    path: &Path,
    settings: &[String],
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<(String, T)> {
    check_is_config(path, Purpose::Run)?;
    let text = read_text(path)?;
    let edited = apply_settings(text.clone(), settings)?;
    match parse(&edited) {
        Ok(config) => Ok((edited, config)),
        Err(error) if !settings.is_empty() && parse(&text).is_ok() => {
            use mtpt::train::{ConfigError, Error::Config};
            let problem = match error.into() {
                Error::Train(Config(ConfigError::File { message, .. })) => message,
                other => other.to_string(),
            };
            let parses = |settings: &[String]| {
                apply_settings(text.clone(), settings).is_ok_and(|text| parse(&text).is_ok())
            };
            let problem = with_advice(problem, &text, settings, &parses);
            Err(Error::Setting { setting: settings.join(" --set "), problem })
        }
        Err(error) => Err(error.into()),
    }
}

/// Changes values in the text of a configuration and keeps everything else, including comments.
///
/// A setting is `KEY=VALUE` with a dotted key. A value that isn't TOML is taken as a string.
fn apply_settings(text: String, settings: &[String]) -> Result<String> {
    if settings.is_empty() {
        return Ok(text);
    }
    // Invalid TOML is returned unchanged. The parser reports it with its path and line.
    let Ok(mut document) = text.parse::<DocumentMut>() else {
        return Ok(text);
    };
    for setting in settings {
        set(&mut document, setting)
            .map_err(|problem| Error::Setting { setting: setting.clone(), problem })?;
    }
    Ok(document.to_string())
}

/// Maximum number of tables inside each other that a setting makes, like in the TOML parser. A
/// document is written, and parsed again, recursively.
const MAX_TABLES: usize = 64;

fn set(document: &mut DocumentMut, setting: &str) -> Result<(), String> {
    let (key, value) = setting.split_once('=').ok_or("expected KEY=VALUE")?;
    let tables = key.matches('.').count();
    if tables > MAX_TABLES {
        return Err(format!("expected a key in at most {MAX_TABLES} tables, found {tables}"));
    }
    let value = value.trim();
    let value: Value = value.parse().unwrap_or_else(|_| Value::from(value));
    let mut parts: Vec<&str> = key.split('.').map(str::trim).collect();
    let last = parts.pop().filter(|last| !last.is_empty()).ok_or("the key is empty")?;
    let mut table: &mut dyn toml_edit::TableLike = document.as_table_mut();
    for part in parts {
        table = table
            .entry(part)
            .or_insert_with(|| {
                let mut table = Table::new();
                table.set_implicit(true);
                Item::Table(table)
            })
            .as_table_like_mut()
            .ok_or_else(|| format!("`{part}` is not a table"))?;
    }
    table.insert(last, Item::Value(value));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, settings: &[&str], expected: &str) {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        assert_eq!(apply_settings(text.to_owned(), &settings).unwrap(), expected);
    }

    #[test]
    fn existing_values_are_replaced() {
        check("seed = 1 # chosen\n", &["seed=2"], "seed = 2\n");
        check("[training]\nsteps = 3\n", &["training.steps=5"], "[training]\nsteps = 5\n");
        check("a = { b = 1 }\n", &["a.b=2"], "a = { b = 2 }\n");
    }

    #[test]
    fn missing_tables_are_added() {
        check("", &["training.steps=5"], "[training]\nsteps = 5\n");
        check("", &["model=some/folder"], "model = \"some/folder\"\n");
    }

    #[test]
    fn malformed_settings_are_rejected() {
        let failure = |setting: &str| {
            apply_settings("seed = 1".into(), &[setting.to_owned()]).unwrap_err().to_string()
        };
        assert_eq!(failure("seed"), "`--set seed`: expected KEY=VALUE");
        assert_eq!(failure("seed.x=1"), "`--set seed.x=1`: `seed` is not a table");
        assert_eq!(failure("=1"), "`--set =1`: the key is empty");
    }

    #[test]
    fn deep_keys_are_rejected() {
        let failure = |setting: String| {
            apply_settings("seed = 1".into(), &[setting]).unwrap_err().to_string()
        };
        for key in ["a.", ".", "\"a\". "] {
            let setting = format!("{}b=1", key.repeat(60_000));
            let expected = "expected a key in at most 64 tables, found 60000";
            assert!(failure(setting).ends_with(expected));
        }
        // The parser limits the depth of values, which are then texts.
        for value in ["[".repeat(60_000), format!("{{{}a=1}}", "a.".repeat(60_000))] {
            let edited = apply_settings("".into(), &[format!("a={value}")]).unwrap();
            assert_eq!(edited, format!("a = {}\n", Value::from(value)));
        }
    }
}
