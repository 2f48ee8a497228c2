use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mtpt::infer::Candidates;
use mtpt::io::fs::write_atomic;
use mtpt::t5::{T5Tokenizer, locate, read_config};
use mtpt::tasks::{Format, LabelsConfig, Split, Task, TaskConfig, TaskFile, TaskId};
use serde::Serialize;

use crate::args::Init;
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::output::Output;
use crate::parent::make_parent;
use crate::progress::say;
use crate::same_file::same_file;
use crate::starting_config::{StartingConfig, StartingTask};

/// Longest inputs that a first configuration allows; T5 was trained on 512 tokens.
const LONGEST: usize = 512;
/// And shortest.
const SHORTEST: usize = 64;
/// Input lengths are rounded up to a multiple of this.
const STEP: usize = 16;

/// What was written, on standard output.
#[derive(Serialize)]
struct Summary<'a> {
    config: &'a Path,
    tasks: Vec<TaskSummary>,
}

#[derive(Serialize)]
struct TaskSummary {
    task: TaskId,
    format: Format,
    text: Vec<String>,
    label: String,
    train: usize,
    dev: usize,
    labels: BTreeMap<String, usize>,
}

pub(crate) fn run(arguments: &Init) -> Result<()> {
    let output = output(arguments);
    if arguments.data.iter().chain(&arguments.dev).any(|path| same_file(path, &output)) {
        return Err(Error::Rows { path: output });
    }
    if output.exists() && !arguments.force {
        return Err(Error::Exists { path: output });
    }
    let mut names: Vec<(TaskId, &Path)> = Vec::new();
    for path in &arguments.data {
        let refuse = |problem: String| Error::Columns { path: path.clone(), problem };
        let name = task_name(path).map_err(refuse)?;
        if let Some((_, other)) = names.iter().find(|(other, _)| *other == name) {
            let problem = format!(
                "its task would be named `{name}`, as that of `{}`; rename one of the two",
                other.display()
            );
            return Err(refuse(problem));
        }
        names.push((name, path));
    }
    if let (Some(dev), true) = (&arguments.dev, names.len() > 1) {
        let problem = "its rows can be of one task alone; leave `--dev` away, and name a file with `dev` in each task of the \
                       configuration";
        return Err(Error::Columns { path: dev.clone(), problem: problem.to_owned() });
    }
    let folder = locate(&arguments.model)?;
    let tokenizer = T5Tokenizer::load(&folder, &read_config(&folder)?)?;
    let place = |path: &Path| placed(path, &output);
    let mut summaries = Vec::new();
    let mut config = StartingConfig {
        model: if arguments.model.is_dir() {
            place(&arguments.model)?
        } else {
            arguments.model.clone()
        },
        max_input_length: SHORTEST,
        longest: 0,
        rows: 0,
        tasks: Vec::new(),
    };
    for (name, path) in names {
        let (mut task, summary, rows) = look_at(path, name, arguments)?;
        for input in &rows {
            config.longest = config.longest.max(tokenizer.encode(input)?.len());
        }
        task.train = place(&task.train)?;
        task.dev = task.dev.as_deref().map(place).transpose()?;
        let words: Vec<String> = task.labels.iter().map(|(_, word)| word.clone()).collect();
        // The configuration is worth having all the same: it is the place to give them other words.
        if let Err(error) = Candidates::new(&task.name, &words, tokenizer.as_inner()) {
            say(&format!("note: {error}; give them other words in `{}`", output.display()));
        }
        config.rows += summary.train;
        config.tasks.push(task);
        summaries.push(summary);
    }
    // Inputs to come may be longer than those at hand; what they do not need costs nothing.
    config.max_input_length = (2 * config.longest).next_multiple_of(STEP).clamp(SHORTEST, LONGEST);
    let text = config.to_toml();
    // What is read back here is what `mtpt train` will read.
    TaskFile::parse(&text, &output)?;
    make_parent(&output)?;
    write_atomic(&output, text.as_bytes())?;
    for summary in &summaries {
        let labels = summary.labels.iter().map(|(label, rows)| format!("{label} {rows}"));
        say(&format!(
            "{}: {} rows to learn from, {} to judge by; text in `{}`, label in `{}`: {}",
            summary.task,
            summary.train,
            summary.dev,
            summary.text.join("`, `"),
            summary.label,
            labels.collect::<Vec<_>>().join(", ")
        ));
        note_odd_labels(summary);
    }
    let name = output.display().to_string();
    let argument =
        if name.contains(char::is_whitespace) { format!("'{name}'") } else { name.clone() };
    say(&format!("look through `{name}`, then: mtpt train {argument}"));
    let mut rows = Output::new();
    rows.row(&Summary { config: &output, tasks: summaries })?;
    rows.flush()
}

/// What is allowed, and yet most likely not meant.
fn note_odd_labels(summary: &TaskSummary) {
    let alone: Vec<&str> = summary
        .labels
        .iter()
        .filter(|&(_, &rows)| rows == 1)
        .map(|(label, _)| label.as_str())
        .collect();
    if !alone.is_empty() {
        let labels = alone.join("`, `");
        say(&format!("note: too few rows to learn from and to judge by, one each: `{labels}`"));
    }
    if summary.labels.keys().all(|label| label.trim().parse::<f64>().is_ok()) {
        say(
            "note: the labels are numbers; give them words that the model knows, or, for scores from 0 to 5, write \
             `labels = \"regression\"`",
        );
    }
}

/// The task that a file holds, what is told of it, and its inputs.
fn look_at(
    path: &Path,
    name: TaskId,
    arguments: &Init,
) -> Result<(StartingTask, TaskSummary, Vec<String>)> {
    let refuse = |problem: String| Error::Columns { path: path.to_owned(), problem };
    let format = Format::of_file(path)?;
    let columns = Columns::read(path, format)?;
    let label = columns.label(arguments.label.as_deref()).map_err(refuse)?;
    let counts = label.labels().map_err(refuse)?;
    if counts.contains_key(&label.name) {
        let problem =
            format!("the first line must name the columns, but `{}` is a label", label.name);
        return Err(refuse(problem));
    }
    let texts = columns.texts(&arguments.text, label).map_err(refuse)?;
    let texts: Vec<&str> = texts.iter().map(|column| column.name.as_str()).collect();
    if texts.contains(&label.name.as_str()) {
        return Err(refuse(format!(
            "the column `{}` cannot be the text and the label",
            label.name
        )));
    }
    let fields = texts.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" | ");
    if let Some(name) = texts.iter().find(|name| name.contains(['{', '}'])) {
        return Err(refuse(format!(
            "a template cannot name the column `{name}`; rename it without braces"
        )));
    }
    let prefix = label.name.trim().to_lowercase().replace('{', "{{").replace('}', "}}");
    let config = TaskConfig {
        train: Some(path.to_owned()),
        dev: arguments.dev.clone(),
        hold_out: arguments.dev.is_none().then_some(0.2),
        template: Some(format!("{prefix}: {fields}")),
        label_field: Some(label.name.clone()),
        labels: Some(LabelsConfig::Verbatim),
        ..TaskConfig::new(name.clone(), format)
    };
    // Reading everything now finds now what `mtpt train` would not like, with the rows' places.
    let task = Task::new(&config)?;
    let [train, dev] = [Split::Train, Split::Dev].map(|split| task.read(split));
    let (train, dev) = (train?, dev?);
    let used: Vec<&str> = texts.iter().copied().chain([label.name.as_str()]).collect();
    let starting = StartingTask {
        name: name.clone(),
        format,
        train: path.to_owned(),
        dev: arguments.dev.clone(),
        template: task.template().as_str().to_owned(),
        label_field: label.name.clone(),
        labels: words(counts.keys()),
        others: columns.besides(&used).map(str::to_owned).collect(),
    };
    let summary = TaskSummary {
        task: name,
        format,
        text: texts.into_iter().map(str::to_owned).collect(),
        label: label.name.clone(),
        train: train.len(),
        dev: dev.len(),
        labels: counts.clone(),
    };
    let inputs = train.into_iter().chain(dev).map(|row| row.input).collect();
    Ok((starting, summary, inputs))
}

/// Each label's word: the label in small letters with spaces, which a model knows best; all as they are, if two would be one.
fn words<'a>(labels: impl Iterator<Item = &'a String> + Clone) -> Vec<(String, String)> {
    let plain = |label: &String| label.trim().to_lowercase().replace(['_', '-'], " ");
    let mut words: Vec<String> = labels.clone().map(plain).collect();
    words.sort_unstable();
    words.dedup();
    let distinct = words.len() == labels.clone().count() && !words.iter().any(String::is_empty);
    labels
        .map(|label| (label.clone(), if distinct { plain(label) } else { label.clone() }))
        .collect()
}

/// The name of a task from that of its file: `Support Tickets.csv` is `support-tickets`.
fn task_name(path: &Path) -> Result<TaskId, String> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String = stem
        .chars()
        .map(|character| match character {
            'a'..='z' | '0'..='9' | '_' | '-' => character,
            _ => '-',
        })
        .collect();
    TaskId::new(name.trim_matches('-'))
        .map_err(|error| format!("a task is named as its file: {error}"))
}

fn output(arguments: &Init) -> PathBuf {
    arguments.output.clone().unwrap_or_else(|| {
        let stem = arguments.data.first().and_then(|path| path.file_stem()).unwrap_or_default();
        PathBuf::from(format!("{}.toml", stem.to_string_lossy()))
    })
}

/// A path as the configuration must name it: relative ones begin at the folder of the configuration.
fn placed(path: &Path, config: &Path) -> Result<PathBuf> {
    let beside = config.parent().is_none_or(|folder| folder.as_os_str().is_empty());
    if beside {
        return Ok(path.to_owned());
    }
    std::path::absolute(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_named_as_their_files() {
        let name = |path: &str| task_name(Path::new(path)).map(|name| name.to_string());
        assert_eq!(name("data/Support Tickets.csv").unwrap(), "support-tickets");
        assert_eq!(name("a_1.train.jsonl").unwrap(), "a_1-train");
        assert!(
            name("…").unwrap_err().starts_with("a task is named as its file: expected a task name")
        );
    }

    #[test]
    fn words_are_plain_where_they_stay_distinct() {
        let words = |labels: &[&str]| {
            let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
            words(labels.iter()).into_iter().map(|(_, word)| word).collect::<Vec<_>>()
        };
        assert_eq!(words(&["Account_Access", "Lost-Parcel"]), ["account access", "lost parcel"]);
        assert_eq!(words(&["A_b", "a b"]), ["A_b", "a b"]);
    }
}
