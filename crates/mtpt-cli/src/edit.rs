use toml_edit::{DocumentMut, Item, Table, Value};

use crate::error::{Error, Result};

/// A configuration's text with some values changed, everything else as it was, and what is read of it.
///
/// Where the text could be read before, what is wrong now is a setting's fault: lines of the changed text are nobody's.
pub(crate) fn read_with_settings<T>(
    text: String,
    settings: &[String],
    read: impl Fn(&str) -> mtpt::train::Result<T>,
) -> Result<(String, T)> {
    let edited = with_settings(text.clone(), settings)?;
    match read(&edited) {
        Ok(config) => Ok((edited, config)),
        Err(error) if !settings.is_empty() && read(&text).is_ok() => {
            let problem = match error {
                mtpt::train::Error::Config { message, .. } => message,
                other => other.to_string(),
            };
            Err(Error::Setting { setting: settings.join(" --set "), problem })
        }
        Err(error) => Err(error.into()),
    }
}

/// A configuration's text with some values changed, everything else as it was.
///
/// A setting is `KEY=VALUE` with a dotted key; a value that is not TOML is taken as a string.
fn with_settings(text: String, settings: &[String]) -> Result<String> {
    if settings.is_empty() {
        return Ok(text);
    }
    // A text that is not TOML goes on as it is, to be complained of with its path and line.
    let Ok(mut document) = text.parse::<DocumentMut>() else {
        return Ok(text);
    };
    for setting in settings {
        set(&mut document, setting)
            .map_err(|problem| Error::Setting { setting: setting.clone(), problem })?;
    }
    Ok(document.to_string())
}

fn set(document: &mut DocumentMut, setting: &str) -> Result<(), String> {
    let (key, value) = setting.split_once('=').ok_or("expected KEY=VALUE")?;
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
        assert_eq!(with_settings(text.to_owned(), &settings).unwrap(), expected);
    }

    #[test]
    fn values_are_replaced_where_they_stand() {
        check("seed = 1 # chosen\n", &["seed=2"], "seed = 2\n");
        check("[training]\nsteps = 3\n", &["training.steps=5"], "[training]\nsteps = 5\n");
        check("a = { b = 1 }\n", &["a.b=2"], "a = { b = 2 }\n");
    }

    #[test]
    fn missing_tables_and_bare_strings_are_added() {
        check("", &["training.steps=5"], "[training]\nsteps = 5\n");
        check("", &["model=some/folder"], "model = \"some/folder\"\n");
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        let failure = |setting: &str| {
            with_settings("seed = 1".into(), &[setting.to_owned()]).unwrap_err().to_string()
        };
        assert_eq!(failure("seed"), "`--set seed`: expected KEY=VALUE");
        assert_eq!(failure("seed.x=1"), "`--set seed.x=1`: `seed` is not a table");
        assert_eq!(failure("=1"), "`--set =1`: the key is empty");
    }
}
