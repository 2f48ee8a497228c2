//! Comparison of a run with the one that wrote a checkpoint.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::backbone::BackboneConfig;
use crate::config::schedule::Decay;
use crate::error::Result;
use crate::output::error::CheckpointError;
use crate::run::identity::INITIAL_VALUES;

/// Checks that the run to resume is the one that wrote the checkpoint: otherwise the result would
/// be that of neither. Only when checkpoints are written may differ, and the number of steps if no
/// learning rate depends on it.
pub(crate) fn check_same_run(
    path: &Path,
    before: &Value,
    now: &Value,
    steps_done: usize,
) -> Result<()> {
    let [before_steps, now_steps] = [before, now].map(|run| run["training"]["steps"].as_u64());
    let (mut adjusted, mut now) = (before.clone(), now.clone());
    for run in [&mut adjusted, &mut now] {
        // The default is not stored.
        if let Some(run) = run.as_object_mut() {
            run.entry("backbone").or_insert_with(|| json!(BackboneConfig::default()));
        }
    }
    for key in ["steps", "checkpoint_every"] {
        if !before["training"][key].is_null() {
            adjusted["training"][key] = now["training"][key].clone();
        }
    }
    let path = path.to_owned();
    if let Some((key, before, now)) = first_difference(String::new(), &adjusted, &now) {
        let mut reason = format!("`{key}` was {before}, and is now {now}");
        if key == INITIAL_VALUES {
            reason += ", because the prompts that it starts from have changed; start it over";
        }
        return Err(CheckpointError::OtherRun { path, reason }.into());
    }
    let (Some(before), Some(steps)) = (before_steps, now_steps) else { return Ok(()) };
    if before == steps {
        return Ok(());
    }
    let [before, steps] = [before, steps].map(|steps| steps as usize);
    if steps < steps_done {
        return Err(CheckpointError::BeyondLastStep { path, steps_done, steps }.into());
    }
    match Decay::deserialize(&now["training"]["decay"]) {
        Ok(decay) if !decay.depends_on_steps() => Ok(()),
        _ => {
            let decay = now["training"]["decay"].as_str().unwrap_or_default().to_owned();
            Err(CheckpointError::NotExtendable { path, before, steps, decay }.into())
        }
    }
}

/// Returns the first key at which two values differ, such as `tasks[1].name`, and both values.
fn first_difference<'a>(
    key: String,
    before: &'a Value,
    now: &'a Value,
) -> Option<(String, &'a Value, &'a Value)> {
    match (before, now) {
        (Value::Object(first), Value::Object(second)) => {
            let keys = first.keys().chain(second.keys().filter(|key| !first.contains_key(*key)));
            keys.into_iter().find_map(|name| {
                let [first, second] =
                    [first, second].map(|map| map.get(name).unwrap_or(&Value::Null));
                let dot = if key.is_empty() { "" } else { "." };
                first_difference(format!("{key}{dot}{name}"), first, second)
            })
        }
        (Value::Array(first), Value::Array(second)) if first.len() == second.len() => {
            let mut pairs = first.iter().zip(second).enumerate();
            pairs.find_map(|(index, (first, second))| {
                first_difference(format!("{key}[{index}]"), first, second)
            })
        }
        _ => (before != now).then_some((key, before, now)),
    }
}
