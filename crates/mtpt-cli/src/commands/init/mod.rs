//! `mtpt init`: a starting configuration for labeled rows.

mod columns;
mod starting_config;
mod task;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mtpt::ModelTokenizer;
use mtpt::infer::Candidates;
use mtpt::io::fs::{create_parent, write_atomic};
use mtpt::tasks::{Format, Split, TaskFile, TaskId};
use serde::Serialize;

use crate::args::init::Init;
use crate::commands::init::starting_config::StartingConfig;
use crate::commands::init::task::{FoundTask, task_name};
use crate::destination::is_same_file;
use crate::error::{Error, Result};
use crate::model::load_tokenizer;
use crate::results::{baselines_line, task_baselines};
use crate::stdio::{Output, message};

/// Maximum `max_input_length` of a starting configuration. T5 was trained on 512 tokens.
const MAX_INPUT_LENGTH: usize = 512;
/// Minimum `max_input_length` of a starting configuration.
const MIN_INPUT_LENGTH: usize = 64;
/// Input lengths are rounded up to a multiple of this.
const STEP: usize = 16;

/// Summary on standard output.
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
    let output = output_path(arguments);
    if arguments.data.iter().chain(&arguments.dev).any(|path| is_same_file(path, &output)) {
        return Err(Error::OutputIsInput { path: output });
    }
    if output.exists() && !arguments.force {
        return Err(Error::Exists { path: output });
    }
    let names = task_names(arguments)?;
    let (_, tokenizer) = load_tokenizer(&arguments.model)?;
    let mut config = StartingConfig {
        model: if arguments.model.is_dir() {
            path_in_config(&arguments.model, &output)?
        } else {
            arguments.model.clone()
        },
        max_input_length: MIN_INPUT_LENGTH,
        longest_input: 0,
        training_rows: 0,
        tasks: Vec::new(),
    };
    let mut summaries = Vec::new();
    for (name, path) in names {
        let found = FoundTask::read(path, name, arguments)?;
        summaries.push(add_task(&mut config, found, &tokenizer, &output)?);
    }
    // Future inputs may be longer than these. Unused length costs nothing.
    config.max_input_length =
        (2 * config.longest_input).next_multiple_of(STEP).clamp(MIN_INPUT_LENGTH, MAX_INPUT_LENGTH);
    let text = config.to_toml();
    // Parsing checks that `mtpt train` will accept the configuration.
    let tasks = TaskFile::parse(&text, &output)?.into_tasks();
    create_parent(&output)?;
    write_atomic(&output, text.as_bytes())?;
    for summary in &summaries {
        describe(summary);
        warn_of_unusual_labels(summary);
    }
    for task in &tasks {
        let baselines = task_baselines(task, Split::Dev, None);
        baselines.iter().for_each(|known| message(&baselines_line(known, "dev")));
    }
    let name = output.display().to_string();
    let argument =
        if name.contains(char::is_whitespace) { format!("'{name}'") } else { name.clone() };
    message(&format!("review `{name}`, then run: mtpt train {argument}"));
    let mut rows = Output::new();
    rows.row(&Summary { config: &output, tasks: summaries })?;
    rows.flush()
}

/// Returns the distinct task names of the data files.
fn task_names(arguments: &Init) -> Result<Vec<(TaskId, &Path)>> {
    let mut names: Vec<(TaskId, &Path)> = Vec::new();
    for path in &arguments.data {
        let refuse = |problem: String| Error::Data { path: path.clone(), problem };
        let name = task_name(path).map_err(refuse)?;
        if let Some((_, other)) = names.iter().find(|(other, _)| *other == name) {
            let problem = format!(
                "its task would have the same name, `{name}`, as that of `{}`; rename one of the files",
                other.display()
            );
            return Err(refuse(problem));
        }
        names.push((name, path));
    }
    if let (Some(dev), true) = (&arguments.dev, names.len() > 1) {
        let problem = "`--dev` works only with one data file; omit it, and set `dev` for each task \
                       in the configuration";
        return Err(Error::Data { path: dev.clone(), problem: problem.to_owned() });
    }
    Ok(names)
}

/// Adds a task to the configuration and returns its summary.
fn add_task(
    config: &mut StartingConfig,
    found: FoundTask,
    tokenizer: &ModelTokenizer,
    output: &Path,
) -> Result<TaskSummary> {
    let FoundTask { mut task, text_columns, label_counts, train, dev } = found;
    for row in train.iter().chain(&dev) {
        config.longest_input = config.longest_input.max(tokenizer.encode(&row.input)?.len());
    }
    task.train = path_in_config(&task.train, output)?;
    task.dev = task.dev.as_deref().map(|path| path_in_config(path, output)).transpose()?;
    let words: Vec<String> = task.labels.iter().map(|(_, word)| word.clone()).collect();
    // Not an error: the configuration is where the user can change the label words.
    if let Err(error) = Candidates::new(&task.name, &words, tokenizer) {
        message(&format!("warning: {error}; choose other label words in `{}`", output.display()));
    }
    config.training_rows += train.len();
    let summary = TaskSummary {
        task: task.name.clone(),
        format: task.layout.format,
        text: text_columns,
        label: task.label_field.clone(),
        train: train.len(),
        dev: dev.len(),
        labels: label_counts,
    };
    config.tasks.push(task);
    Ok(summary)
}

fn describe(summary: &TaskSummary) {
    let labels = summary.labels.iter().map(|(label, rows)| format!("{label} {rows}"));
    message(&format!(
        "{}: {} training rows, {} validation rows; text in `{}`, label in `{}`: {}",
        summary.task,
        summary.train,
        summary.dev,
        summary.text.join("`, `"),
        summary.label,
        labels.collect::<Vec<_>>().join(", ")
    ));
}

/// Warns of labels that are allowed, but most likely a mistake.
fn warn_of_unusual_labels(summary: &TaskSummary) {
    let single: Vec<&str> = summary
        .labels
        .iter()
        .filter(|&(_, &rows)| rows == 1)
        .map(|(label, _)| label.as_str())
        .collect();
    if !single.is_empty() {
        let labels = single.join("`, `");
        message(&format!(
            "warning: these labels occur only once, so they cannot appear in both train and dev: \
             `{labels}`"
        ));
    }
    if summary.labels.keys().all(|label| label.trim().parse::<f64>().is_ok()) {
        message(
            "warning: the labels are numbers; map them to words that the model knows, or use \
             `labels = \"regression\"` for scores from 0 to 5",
        );
    }
}

fn output_path(arguments: &Init) -> PathBuf {
    arguments.output.clone().unwrap_or_else(|| {
        let stem = arguments.data.first().and_then(|path| path.file_stem()).unwrap_or_default();
        PathBuf::from(format!("{}.toml", stem.to_string_lossy()))
    })
}

/// Returns a path as the configuration must contain it. The configuration resolves relative paths
/// from its own folder.
fn path_in_config(path: &Path, config: &Path) -> Result<PathBuf> {
    let in_working_dir = config.parent().is_none_or(|folder| folder.as_os_str().is_empty());
    if in_working_dir {
        return Ok(path.to_owned());
    }
    std::path::absolute(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
