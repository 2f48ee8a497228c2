//! The keys of configurations, to suggest one for a name that is none.
//!
//! The parsers name the keys of a table in their error about an unknown one, so no list is kept
//! here.

use std::path::Path;

use mtpt::tasks::nearest_name;
use mtpt::train::{ConfigError, Error, PretrainingConfig, StagedRunConfig};

/// Number of tables inside each other.
const DEPTH: usize = 3;
/// A key that no table has.
const UNKNOWN: &str = "no such key";
/// Other names of settings, as other programs and papers call them, or abbreviations.
const OTHER_NAMES: [(&str, &str); 21] = [
    ("lr", "training.learning_rate"),
    ("rate", "training.learning_rate"),
    ("bs", "training.batch_size"),
    ("per_device_train_batch_size", "training.batch_size"),
    ("train_batch_size", "training.batch_size"),
    ("max_steps", "training.steps"),
    ("num_steps", "training.steps"),
    ("num_train_steps", "training.steps"),
    ("epochs", "training.steps"),
    ("num_train_epochs", "training.steps"),
    ("warmup", "training.warmup_steps"),
    ("scheduler", "training.decay"),
    ("lr_scheduler_type", "training.decay"),
    ("save_steps", "training.checkpoint_every"),
    ("eval_steps", "evaluation.every"),
    ("early_stopping_patience", "evaluation.patience"),
    ("max_length", "training.max_input_length"),
    ("max_seq_length", "training.max_input_length"),
    ("num_virtual_tokens", "prompt.length"),
    ("prompt_length", "prompt.length"),
    ("strategy", "composition.strategy"),
];

/// Returns the key that a name most likely stands for: one that ends with it, its other name, or a
/// similar one. Dashes count as underscores.
pub(crate) fn suggested_key(name: &str, pretraining: bool) -> Option<String> {
    let keys = keys(pretraining);
    let name = name.trim().replace('-', "_");
    if keys.contains(&name) {
        return Some(name);
    }
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let short = last(&name);
    let same = keys.iter().filter(|key| last(key) == short);
    // The same setting of a stage has more segments than that of the run.
    if let Some(key) = same.min_by_key(|key| key.split('.').count()) {
        return Some(key.clone());
    }
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == short).map(|(_, key)| *key);
    if let Some(key) = other.filter(|key| keys.iter().any(|known| known == key)) {
        return Some(key.to_owned());
    }
    let lasts: Vec<String> = keys.iter().map(|key| last(key)).collect();
    let nearest = nearest_name(&short, lasts.iter().map(String::as_str))?;
    let same = keys.iter().filter(|key| last(key) == nearest);
    same.min_by_key(|key| key.split('.').count()).cloned()
}

/// Returns all keys, with dots between tables.
fn keys(pretraining: bool) -> Vec<String> {
    let mut found = Vec::new();
    collect("", DEPTH, pretraining, &mut found);
    found
}

fn collect(table: &str, depth: usize, pretraining: bool, found: &mut Vec<String>) {
    for key in keys_of(table, pretraining) {
        let key = if table.is_empty() { key } else { format!("{table}.{key}") };
        if depth > 1 {
            collect(&key, depth - 1, pretraining, found);
        }
        found.push(key);
    }
}

/// Returns the keys of a table; empty if there is none of this name.
fn keys_of(table: &str, pretraining: bool) -> Vec<String> {
    let setting = if table.is_empty() {
        format!("\"{UNKNOWN}\" = 0")
    } else {
        format!("{table} = {{ \"{UNKNOWN}\" = 0 }}")
    };
    let text = format!("model = \"m\"\n{setting}\n");
    let path = Path::new("run.toml");
    let error = if pretraining {
        PretrainingConfig::parse(&text, path).err()
    } else {
        StagedRunConfig::parse(&text, path).err()
    };
    let Some(Error::Config(ConfigError::File { message, .. })) = error else { return Vec::new() };
    // The message about a table of a stage starts with the name of the table.
    let expected = message.split_once(&format!("unknown field `{UNKNOWN}`, expected "));
    let names = expected.and_then(|(_, names)| names.split(';').next()).unwrap_or_default();
    let names = names.split(", in ").next().unwrap_or_default();
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_inner_tables_are_known() {
        let keys = keys(false);
        for key in [
            "seed",
            "prompt.length",
            "training.learning_rate",
            "training.optimizer",
            "evaluation.patience",
            "teachers.training.steps",
            "adaptation.few_shot.draws",
        ] {
            assert!(keys.iter().any(|known| known == key), "{key}: {keys:?}");
        }
        assert!(self::keys(true).iter().any(|key| key == "dropout"));
    }

    #[test]
    fn names_lead_to_keys() {
        for (name, key) in [
            ("lr", "training.learning_rate"),
            ("learning-rate", "training.learning_rate"),
            ("leraning_rate", "training.learning_rate"),
            ("steps", "training.steps"),
            ("trainig.steps", "training.steps"),
            ("patience", "evaluation.patience"),
            ("num_virtual_tokens", "prompt.length"),
            ("start-from", "prompt.start_from"),
            ("draws", "adaptation.few_shot.draws"),
            ("seed", "seed"),
        ] {
            assert_eq!(suggested_key(name, false).as_deref(), Some(key), "{name}");
        }
        assert_eq!(suggested_key("colour", false), None);
        assert_eq!(suggested_key("lr", true).as_deref(), Some("training.learning_rate"));
    }

    #[test]
    fn other_names_stand_for_existing_keys() {
        let keys = keys(false);
        for (other, key) in OTHER_NAMES {
            // Values of a strategy are checked with the strategy.
            assert!(
                keys.iter().any(|known| known == key) || key == "composition.strategy",
                "{other}"
            );
        }
    }
}
