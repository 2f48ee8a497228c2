use std::collections::BTreeMap;
use std::path::Path;

use mtpt::tasks::labels::MultiLabelConfig;
use mtpt::tasks::{Gold, Instance, LabelsConfig, Layout, Split, Task, TaskConfig, TaskId};

use crate::args::init::Init;
use crate::commands::init::columns::Columns;
use crate::commands::init::starting_config::StartingTask;
use crate::error::{Error, Result};

/// A task found in a data file, and its rows.
pub(crate) struct FoundTask {
    pub(crate) task: StartingTask,
    pub(crate) text_columns: Vec<String>,
    /// Number of rows with each label.
    pub(crate) label_counts: BTreeMap<String, usize>,
    pub(crate) train: Vec<Instance>,
    pub(crate) dev: Vec<Instance>,
}

impl FoundTask {
    /// Reads a data file and finds its label and text columns.
    pub(crate) fn read(path: &Path, name: TaskId, arguments: &Init) -> Result<Self> {
        let refuse = |problem: String| Error::Data { path: path.to_owned(), problem };
        let layout = Layout::of_file(path, arguments.encoding)?;
        let columns = Columns::read(path, &layout)?;
        let label = columns.label(arguments.label.as_deref()).map_err(refuse)?;
        let counts = match label.labels() {
            Ok(counts) => counts,
            Err(problem) => {
                // A row without a label may be the reason.
                if !label.is_list {
                    check_labels(path, &layout, &label.name)?;
                }
                return Err(refuse(problem));
            }
        };
        if counts.contains_key(&label.name) {
            return Err(refuse(format!(
                "the first line must name the columns, but `{}` is a label",
                label.name
            )));
        }
        let texts = columns.texts(&arguments.text, label).map_err(refuse)?;
        let texts: Vec<&str> = texts.iter().map(|column| column.name.as_str()).collect();
        if texts.contains(&label.name.as_str()) {
            return Err(refuse(format!(
                "the column `{}` cannot be both text and label",
                label.name
            )));
        }
        let config = TaskConfig {
            train: Some(path.to_owned()),
            dev: arguments.dev.clone(),
            hold_out: arguments.dev.is_none().then_some(0.2),
            template: Some(template(&label.name, &texts).map_err(refuse)?),
            label_field: Some(label.name.clone()),
            labels: Some(if label.is_list {
                multi_label(counts.keys())
            } else {
                LabelsConfig::Verbatim
            }),
            encoding: layout.encoding,
            dialect: layout.dialect,
            ..TaskConfig::new(name.clone(), layout.format)
        };
        // Reading all rows now finds errors that `mtpt train` would report later.
        let task = Task::new(&config)?;
        let (train, dev) = (task.read(Split::Train)?, task.read(Split::Dev)?);
        let dev_of_train: &[Instance] = if arguments.dev.is_none() { &dev } else { &[] };
        let label_counts = label_counts(&task, train.iter().chain(dev_of_train));
        let used: Vec<&str> = texts.iter().copied().chain([label.name.as_str()]).collect();
        let starting = StartingTask {
            name,
            layout,
            train: path.to_owned(),
            dev: arguments.dev.clone(),
            template: task.template().as_str().to_owned(),
            label_field: label.name.clone(),
            labels: label_words(label_counts.keys()),
            multi_label: label.is_list,
            other_columns: columns.names_except(&used).map(str::to_owned).collect(),
        };
        Ok(Self {
            task: starting,
            text_columns: texts.into_iter().map(str::to_owned).collect(),
            label_counts,
            train,
            dev,
        })
    }
}

/// Checks that each row has a label.
fn check_labels(path: &Path, layout: &Layout, label: &str) -> Result<()> {
    for row in layout.open(path)? {
        row?.require(label)?;
    }
    Ok(())
}

/// Returns labels that are their own words, of which a row has any number.
fn multi_label<'a>(labels: impl Iterator<Item = &'a String>) -> LabelsConfig {
    let words = labels.map(|label| (label.clone(), label.clone())).collect();
    LabelsConfig::MultiLabel(MultiLabelConfig { words, separator: None, none: "none".to_owned() })
}

/// Returns the number of rows with each label in the file. Spellings of the same label are one.
fn label_counts<'a>(
    task: &Task,
    rows: impl Iterator<Item = &'a Instance>,
) -> BTreeMap<String, usize> {
    let labels = task.labels();
    let mut counts = BTreeMap::new();
    for row in rows {
        let found = match row.gold {
            Gold::Label(label) => vec![label],
            _ => labels.labels_in(&row.target).unwrap_or_default(),
        };
        for label in found.into_iter().filter_map(|label| labels.raw(label)) {
            *counts.entry(label.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Returns a template with the name of the label column and the text columns.
fn template(label: &str, texts: &[&str]) -> Result<String, String> {
    if let Some(name) = texts.iter().find(|name| name.contains(['{', '}'])) {
        return Err(format!("a template cannot use the column `{name}`; rename it without braces"));
    }
    let fields = texts.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" | ");
    let prefix = label.trim().to_lowercase().replace('{', "{{").replace('}', "}}");
    Ok(format!("{prefix}: {fields}"))
}

/// Returns the label word of each label: in lower case with spaces, which a model knows best, or
/// the labels themselves if two label words would be the same.
fn label_words<'a>(labels: impl Iterator<Item = &'a String> + Clone) -> Vec<(String, String)> {
    let plain = |label: &String| label.trim().to_lowercase().replace(['_', '-'], " ");
    let mut words: Vec<String> = labels.clone().map(plain).collect();
    words.sort_unstable();
    words.dedup();
    let distinct = words.len() == labels.clone().count() && !words.iter().any(String::is_empty);
    labels
        .map(|label| (label.clone(), if distinct { plain(label) } else { label.clone() }))
        .collect()
}

/// Returns a task name for a file: `support-tickets` for `Support Tickets.csv`.
///
/// # Errors
///
/// A message if the file name has no usable characters.
pub(crate) fn task_name(path: &Path) -> Result<TaskId, String> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String = stem
        .chars()
        .map(|character| match character {
            'a'..='z' | '0'..='9' | '_' | '-' => character,
            _ => '-',
        })
        .collect();
    TaskId::new(name.trim_matches('-'))
        .map_err(|error| format!("the task is named after the file: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_names_come_from_file_names() {
        let name = |path: &str| task_name(Path::new(path)).map(|name| name.to_string());
        assert_eq!(name("data/Support Tickets.csv").unwrap(), "support-tickets");
        assert_eq!(name("a_1.train.jsonl").unwrap(), "a_1-train");
        assert!(
            name("…")
                .unwrap_err()
                .starts_with("the task is named after the file: expected a task name")
        );
    }

    #[test]
    fn label_words_are_plain_if_distinct() {
        let words = |labels: &[&str]| {
            let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
            label_words(labels.iter()).into_iter().map(|(_, word)| word).collect::<Vec<_>>()
        };
        assert_eq!(words(&["Account_Access", "Lost-Parcel"]), ["account access", "lost parcel"]);
        assert_eq!(words(&["A_b", "a b"]), ["A_b", "a b"]);
    }
}
