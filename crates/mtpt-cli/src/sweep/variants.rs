use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::args::training::Run;
use crate::destination::run_dir;
use crate::error::{Error, Result};
use crate::sweep::alternatives::alternatives;

/// Maximum number of runs of a sweep. More can't be compared in a table, and a few settings with a
/// few values each have millions of combinations.
const MAX_RUNS: usize = 10_000;

/// Maximum number of bytes of the settings of all runs, of which there are a few copies.
const MAX_BYTES: usize = 4 << 20;

/// One combination of the values of a sweep.
pub(crate) struct Variant {
    /// The arguments of its run, with single values and its own folder.
    pub(crate) arguments: Run,
    /// The swept keys and their values, in the order of the settings.
    pub(crate) values: Vec<(String, String)>,
}

impl Variant {
    /// Returns the values as text: `training.learning_rate=0.1 training.batch_size=16`.
    pub(crate) fn label(&self) -> String {
        let settings = self.values.iter().map(|(key, value)| format!("{key}={value}"));
        settings.collect::<Vec<_>>().join(" ")
    }

    /// Returns the folder of its run.
    pub(crate) fn folder(&self) -> PathBuf {
        run_dir(&self.arguments)
    }
}

/// All settings of a run, and the swept keys with their values.
type Combination = (Vec<String>, Vec<(String, String)>);

/// Returns the combinations of the values that settings list; none if each setting has a single
/// value. The values of the last setting change fastest.
///
/// # Errors
///
/// [`Error::Setting`] for a list with a missing value, and for too many combinations.
pub(crate) fn variants(arguments: &Run) -> Result<Vec<Variant>> {
    let folder = arguments.config.parent().unwrap_or(Path::new(""));
    let bytes: usize = arguments.set.iter().map(String::len).sum();
    let mut combinations = vec![Combination::default()];
    for setting in &arguments.set {
        let Some((key, value)) = setting.split_once('=') else {
            // Reading the configuration reports it.
            combinations.iter_mut().for_each(|(settings, _)| settings.push(setting.clone()));
            continue;
        };
        let values = alternatives(value, folder)
            .map_err(|problem| Error::Setting { setting: setting.clone(), problem })?;
        let runs = combinations.len().saturating_mul(values.len());
        if runs > MAX_RUNS {
            let problem = format!(
                "the settings up to this one have {runs} combinations; expected at most \
                 {MAX_RUNS} runs"
            );
            return Err(Error::Setting { setting: key.to_owned(), problem });
        }
        if runs > 1 && runs.saturating_mul(bytes) > MAX_BYTES {
            let problem = format!(
                "the settings have {bytes} bytes in each of {runs} runs; expected at most \
                 {MAX_BYTES} bytes in all"
            );
            return Err(Error::Setting { setting: key.to_owned(), problem });
        }
        let extended = |(settings, swept): &Combination| {
            let extended = values.iter().map(|value| {
                let (mut settings, mut swept) = (settings.clone(), swept.clone());
                settings.push(format!("{key}={value}"));
                if values.len() > 1 {
                    swept.push((key.trim().to_owned(), (*value).to_owned()));
                }
                (settings, swept)
            });
            extended.collect::<Vec<_>>()
        };
        combinations = combinations.iter().flat_map(extended).collect();
    }
    if combinations.len() == 1 {
        return Ok(Vec::new());
    }
    let parent = run_dir(arguments);
    let mut names = FolderNames::default();
    let variant = |(set, values): Combination| {
        let output = Some(parent.join(names.distinct(folder_name(&values))));
        Variant { arguments: Run { set, output, ..arguments.clone() }, values }
    };
    Ok(combinations.into_iter().map(variant).collect())
}

/// Returns the name of a run's folder: `learning_rate=0.1+batch_size=16`. Keys are shortened to
/// their last segment if that is unambiguous.
fn folder_name(values: &[(String, String)]) -> String {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let named = |(key, value): &(String, String)| {
        let short = last(key);
        let same = values.iter().filter(|(other, _)| last(other) == short).count();
        format!("{}={}", if same > 1 { key.clone() } else { short }, safe(value))
    };
    values.iter().map(named).collect::<Vec<_>>().join("+")
}

/// Replaces the characters of a value that are not safe in the name of a folder, and shortens it.
fn safe(value: &str) -> String {
    const LONGEST: usize = 40;
    let value = value.trim_matches(['"', '\'']);
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    value.chars().take(LONGEST).map(safe).collect()
}

/// Names of folders that are used.
#[derive(Default)]
struct FolderNames {
    used: HashSet<String>,
    /// The last number that was appended to a name.
    numbers: HashMap<String, usize>,
}

impl FolderNames {
    /// Uses a name. A number is appended to one that is already used.
    fn distinct(&mut self, name: String) -> String {
        if self.used.insert(name.clone()) {
            return name;
        }
        let number = self.numbers.entry(name.clone()).or_insert(1);
        loop {
            *number += 1;
            let numbered = format!("{name}-{number}");
            if self.used.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(values: &[(&str, &str)]) -> String {
        let values: Vec<(String, String)> =
            values.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        folder_name(&values)
    }

    #[test]
    fn folders_are_named_after_the_values() {
        assert_eq!(names(&[("training.learning_rate", "0.1")]), "learning_rate=0.1");
        assert_eq!(
            names(&[("training.learning_rate", "1e-3"), ("seed", "2")]),
            "learning_rate=1e-3+seed=2"
        );
        assert_eq!(
            names(&[("training.steps", "5"), ("teachers.training.steps", "6")]),
            "training.steps=5+teachers.training.steps=6"
        );
        assert_eq!(names(&[("model", "\"../t5 base\"")]), "model=.._t5_base");
        let mut folders = FolderNames::default();
        let names = ["a=_", "a=_-2", "a=_", "a=_", "a=_-2"];
        let distinct = names.map(|name| folders.distinct(name.to_owned()));
        assert_eq!(distinct, ["a=_", "a=_-2", "a=_-3", "a=_-4", "a=_-2-2"]);
    }
}
