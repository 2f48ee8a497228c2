//! Generation settings of a model's files: what they change is reported.

use mtpt::t5::{GenerationConfig, GenerationSettings, Result, T5};
use serde_json::{Map, Value};

use crate::stdio::message;

/// Reports the settings of the model's files that change texts and that no option overrides.
///
/// # Errors
///
/// If the files have settings that are not supported.
pub(crate) fn report(t5: &T5, options: &GenerationSettings) -> Result<()> {
    let defaults = t5.generation_defaults();
    defaults.check()?;
    let Some(path) = defaults.path() else { return Ok(()) };
    let path = path.display();
    let file = to_map(defaults.settings());
    let all = effect(t5, options, &file);
    let mut settings = Vec::new();
    for (key, value) in &file {
        let mut others = file.clone();
        others.remove(key);
        if effect(t5, options, &others) != all {
            settings.push(format!("`{key}` to {value}"));
        }
    }
    if !settings.is_empty() {
        message(&format!("note: `{path}` sets {}", settings.join(", ")));
    }
    for key in defaults.unknown_keys() {
        message(&format!("warning: `{path}` has the unknown key `{key}`, which is ignored"));
    }
    Ok(())
}

/// Reports the settings like [`report`], if there are tasks that generate text, whose maximum
/// length takes the place of the model's.
///
/// # Errors
///
/// If the files have settings that are not supported with tasks.
pub(crate) fn report_for_tasks(
    t5: &T5,
    mut have_text: impl Iterator<Item = bool>,
    max_length: usize,
) -> Result<()> {
    if !have_text.any(|has_text| has_text) {
        return Ok(());
    }
    t5.generation_defaults().check_without_tokenizer()?;
    let max_new_tokens = Some(max_length);
    report(t5, &GenerationSettings { max_new_tokens, ..GenerationSettings::default() })
}

/// Returns everything that determines the texts; `None` if the settings contradict each other.
fn effect(
    t5: &T5,
    options: &GenerationSettings,
    file: &Map<String, Value>,
) -> Option<(GenerationConfig, Vec<String>)> {
    let file: GenerationSettings = serde_json::from_value(Value::Object(file.clone())).ok()?;
    let settings = options.clone().or(file);
    let mut config = settings.to_config().ok()?;
    config.end_token_ids.get_or_insert_with(|| t5.config().end_token_ids());
    config.decoder_start_token_id.get_or_insert(t5.config().decoder_start_token_id);
    Some((config, settings.stop_strings().to_vec()))
}

fn to_map(settings: &GenerationSettings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}
