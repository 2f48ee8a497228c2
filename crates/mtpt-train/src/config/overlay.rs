use mtpt_tasks::read_toml;
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Returns a configuration with the values of a table replaced, including those of nested tables.
///
/// A nested table with another `kind` or `strategy` replaces the whole table, since its keys
/// differ.
pub(crate) fn overlay<T: Serialize + DeserializeOwned>(
    base: &T,
    changes: Table,
) -> Result<T, String> {
    let mut table = Table::try_from(base).map_err(|error| error.to_string())?;
    change(&mut table, changes);
    // Parsed from text, so that errors are worded as for a configuration file.
    let text = toml::to_string(&table).map_err(|error| error.to_string())?;
    read_toml(&text).map_err(|problem| {
        let line = problem.line.and_then(|line| text.lines().nth(line - 1));
        let line = line.map_or_else(String::new, |line| format!(", in `{line}`"));
        format!("{}{line}", problem.message)
    })
}

fn change(table: &mut Table, changes: Table) {
    for (key, value) in changes {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(before)), Value::Table(changes)) if same_kind(before, &changes) => {
                change(before, changes);
            }
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

fn same_kind(before: &Table, changes: &Table) -> bool {
    ["kind", "strategy"].iter().all(|key| {
        changes.get(*key).is_none_or(|kind| before.get(*key).is_none_or(|before| before == kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::prompt::PromptConfig;
    use crate::config::training::TrainingConfig;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn values_that_are_not_given_are_unchanged() {
        let base = TrainingConfig { steps: 70, batch_size: 9, ..TrainingConfig::default() };
        let changes = table("batch_size = 4\n[optimizer]\nweight_decay = 0.5");
        let changed: TrainingConfig = overlay(&base, changes).unwrap();
        assert_eq!((changed.steps, changed.batch_size), (70, 4));
        let before = toml::Table::try_from(&base.optimizer).unwrap();
        let mut after = toml::Table::try_from(&changed.optimizer).unwrap();
        assert_eq!(
            after.insert("weight_decay".into(), before["weight_decay"].clone()),
            Some(Value::Float(0.5))
        );
        assert_eq!(after, before);
        assert_eq!(overlay(&base, Table::new()).unwrap(), base);
    }

    #[test]
    fn a_table_of_another_kind_replaces_the_whole_table() {
        let base: PromptConfig =
            toml::from_str("initializer = { kind = \"text\", text = \"go\" }").unwrap();
        let changes = table("initializer = { kind = \"random_uniform\" }");
        let changed: PromptConfig = overlay(&base, changes).unwrap();
        assert_eq!(changed, toml::from_str("initializer = { kind = \"random_uniform\" }").unwrap());
        let changes = table("initializer = { kind = \"text\", text = \"stop\" }");
        let changed: PromptConfig = overlay(&base, changes).unwrap();
        assert_eq!(
            changed,
            toml::from_str("initializer = { kind = \"text\", text = \"stop\" }").unwrap()
        );
    }

    #[test]
    fn unknown_keys_are_rejected() {
        let problem = overlay(&TrainingConfig::default(), table("stepz = 4")).unwrap_err();
        assert!(problem.contains("stepz") && problem.contains("`steps`"), "{problem}");
    }
}
