//! Better errors about settings (`--set`) that make a configuration invalid.

use toml_edit::{DocumentMut, Item, Value};

use crate::setting_keys::suggested_key;

/// Keys that select a variant, which determines the other keys of their table.
const VARIANTS: [&str; 2] = ["strategy", "kind"];

/// Replaces the error of the parser where this program knows what was meant. `text` is the
/// configuration without the settings; `parses` returns whether other settings are valid.
pub(crate) fn with_advice(
    problem: String,
    text: &str,
    settings: &[String],
    parses: &dyn Fn(&[String]) -> bool,
) -> String {
    list_of_values(&problem, settings, parses)
        .or_else(|| option_of_another_variant(&problem, text, settings, parses))
        .unwrap_or_else(|| with_suggested_key(problem, settings))
}

/// Returns the advice on a list in brackets where one value is expected.
fn list_of_values(
    problem: &str,
    settings: &[String],
    parses: &dyn Fn(&[String]) -> bool,
) -> Option<String> {
    if !problem.starts_with("invalid type: sequence") {
        return None;
    }
    settings.iter().enumerate().find_map(|(at, setting)| {
        let (key, value) = setting.split_once('=')?;
        let values = match value.trim().parse().ok()? {
            Value::Array(values) if !values.is_empty() => values,
            _ => return None,
        };
        let values: Vec<String> =
            values.iter().map(|it| it.to_string().trim().to_owned()).collect();
        let with = |value: &str| replaced(settings, at, format!("{key}={value}"));
        values.iter().all(|value| parses(&with(value))).then(|| {
            format!(
                "expected one value, found a list; to run each of several values, pass `--set \
                 {key}={}`",
                values.join(",")
            )
        })
    })
}

/// Returns the advice on an option in the configuration that doesn't belong to the variant, such as
/// a strategy, that a setting selects.
fn option_of_another_variant(
    problem: &str,
    text: &str,
    settings: &[String],
    parses: &dyn Fn(&[String]) -> bool,
) -> Option<String> {
    let option = unknown_field(problem)?;
    let document: DocumentMut = text.parse().ok()?;
    settings.iter().enumerate().find_map(|(at, setting)| {
        let (key, value) = setting.split_once('=')?;
        let (table, variant) = key.trim().rsplit_once('.')?;
        let find = |item: Option<&'_ Item>, part: &str| item?.get(part).cloned();
        let found = table
            .split('.')
            .try_fold(document.as_item().clone(), |item, part| find(Some(&item), part.trim()));
        let is_there = found.is_some_and(|table| table.get(option).is_some());
        if !VARIANTS.contains(&variant) || !is_there {
            return None;
        }
        let name = value.trim().trim_matches('"');
        let by_name = format!("{table}={name}");
        let whole = if parses(&replaced(settings, at, by_name.clone())) {
            by_name
        } else {
            format!("{table}={{ {variant} = \"{name}\", ... }}")
        };
        Some(format!(
            "`{option}` is not an option of `{name}`; to replace the whole table, pass `--set \
             {whole}`"
        ))
    })
}

fn replaced(settings: &[String], at: usize, setting: String) -> Vec<String> {
    let mut settings = settings.to_vec();
    settings[at] = setting;
    settings
}

fn unknown_field(problem: &str) -> Option<&str> {
    problem.strip_prefix("unknown field `")?.split('`').next()
}

/// Replaces the list of a table's keys in the error about an unknown key by the key of another
/// table that was most likely meant.
fn with_suggested_key(problem: String, settings: &[String]) -> String {
    let Some(unknown) = unknown_field(&problem) else { return problem };
    let keys = settings.iter().filter_map(|setting| setting.split('=').next()).map(str::trim);
    let is_unknown = |key: &&str| key.split('.').any(|part| part == unknown);
    let Some(key) = keys.into_iter().find(is_unknown) else { return problem };
    // Every configuration of pretraining has the same keys, or the key is one of both.
    let suggested = suggested_key(key, false).or_else(|| suggested_key(key, true));
    let table = |key: &str| key.rsplit_once('.').map(|(table, _)| table.to_owned());
    match suggested {
        Some(suggested) if table(&suggested) != table(key) => {
            format!("unknown key `{key}`; did you mean `{suggested}`?")
        }
        _ => problem,
    }
}
