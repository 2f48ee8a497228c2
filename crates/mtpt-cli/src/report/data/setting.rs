use std::collections::BTreeMap;

use mtpt::tasks::read_toml;
use serde_json::Value;

/// A setting in which runs differ.
#[derive(Debug, PartialEq)]
pub(crate) struct Setting {
    /// Key in the configuration, such as `training.learning_rate`.
    pub(crate) key: String,
    /// Value of each run; `None` where the key is missing.
    pub(crate) values: Vec<Option<String>>,
}

/// Returns the settings in which configurations differ, sorted by key.
pub(crate) fn differing_settings(configurations: &[&str]) -> Vec<Setting> {
    let flat: Vec<BTreeMap<String, String>> =
        configurations.iter().map(|text| flattened(text)).collect();
    let mut keys: Vec<&String> = flat.iter().flat_map(BTreeMap::keys).collect();
    keys.sort();
    keys.dedup();
    let setting = |key: &String| Setting {
        key: key.clone(),
        values: flat.iter().map(|settings| settings.get(key).cloned()).collect(),
    };
    let differs = |setting: &Setting| setting.values.windows(2).any(|pair| pair[0] != pair[1]);
    keys.into_iter().map(setting).filter(differs).collect()
}

/// Returns the values of a configuration by their keys.
fn flattened(text: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    if let Ok(value) = read_toml::<Value>(text) {
        flatten(String::new(), &value, &mut settings);
    }
    settings
}

fn flatten(key: String, value: &Value, settings: &mut BTreeMap<String, String>) {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Object(table) => {
            for (name, value) in table {
                flatten(below(name), value, settings);
            }
        }
        // Tasks and corpora are known by their names, whatever their order.
        Value::Array(entries) if entries.iter().all(|entry| entry["name"].is_string()) => {
            for entry in entries {
                flatten(below(entry["name"].as_str().unwrap_or_default()), entry, settings);
            }
        }
        Value::String(text) => {
            settings.insert(key, text.clone());
        }
        other => {
            settings.insert(key, other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_differences_are_returned() {
        let first = "seed = 1\n[training]\nlearning_rate = 0.1\nsteps = 5\n[[tasks]]\nname = \"a\"\ntrain = \"x\"\n";
        let second =
            "seed = 1\n[training]\nlearning_rate = 0.3\n[[tasks]]\nname = \"a\"\ntrain = \"y\"\n";
        let found = differing_settings(&[first, second]);
        let keys: Vec<&str> = found.iter().map(|setting| setting.key.as_str()).collect();
        assert_eq!(keys, ["tasks.a.train", "training.learning_rate", "training.steps"]);
        assert_eq!(found[1].values, [Some("0.1".to_owned()), Some("0.3".to_owned())]);
        assert_eq!(found[2].values, [Some("5".to_owned()), None]);
        assert_eq!(differing_settings(&[first, first]), []);
        assert_eq!(differing_settings(&[]), []);
    }
}
