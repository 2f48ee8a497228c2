use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use mtpt::ModelTokenizer;
use mtpt::t5::read_config;
use mtpt::tasks::corpus::CorpusFile;
use mtpt::tasks::task::TaskError;
use mtpt::tasks::{
    self, Format, Gold, Metric, Split, Task, TaskFile, TaskTree, UnknownTokens, read_toml,
};
use mtpt::train::{DataError, PretrainingConfig, StagedRunConfig, check_run, check_start_from};
use serde::{Deserialize, Serialize};

use crate::commands::inspect::description::Description;
use crate::commands::inspect::lengths::Lengths;
use crate::config::read_text;
use crate::error::{Error, Result};
use crate::model::{load_tokenizer, open_device};
use crate::number_format::{counted, percent};
use crate::stdio::message;

/// The fields that distinguish a run configuration from a task file, and pretraining from prompt
/// tuning.
#[derive(Deserialize)]
struct Document {
    model: Option<String>,
    #[serde(default)]
    corpora: Vec<serde::de::IgnoredAny>,
}

/// Settings of a run configuration; all `None` for a task file.
#[derive(Default)]
struct Run {
    model: Option<String>,
    max_input_length: Option<usize>,
    max_target_length: Option<usize>,
    /// The whole configuration, unless it is one of pretraining.
    staged: Option<StagedRunConfig>,
}

#[derive(Serialize)]
struct Json<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    /// Folder of the tokenizer that counted the tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokenizer: Option<Cow<'a, str>>,
    tasks: &'a [TaskSummary],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    corpora: Vec<String>,
}

#[derive(Serialize)]
struct TaskSummary {
    task: String,
    format: Format,
    template: String,
    metrics: Vec<Metric>,
    splits: Vec<SplitSummary>,
}

#[derive(Serialize)]
struct SplitSummary {
    split: Split,
    rows: usize,
    /// Number of rows whose fields in the template are all blank.
    #[serde(skip_serializing_if = "is_zero")]
    blank_inputs: usize,
    /// Number of rows with each label, keyed by label word or candidate field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<Scores>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<Lengths>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_tokens: Option<Lengths>,
}

#[derive(Serialize)]
struct Scores {
    lowest: f64,
    mean: f64,
    highest: f64,
}

/// Describes a task file or run configuration.
pub(crate) fn describe(path: &Path, model: Option<&Path>) -> Result<Description> {
    let text = read_text(path)?;
    let mut run = read_run(&text, path)?;
    let corpora = CorpusFile::parse(&text, path)?.into_corpora();
    let tasks = match TaskFile::parse(&text, path) {
        Ok(tasks) => tasks.into_tasks(),
        Err(tasks::Error::Task(TaskError::NoTasks { .. })) if !corpora.is_empty() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let tokenizer = tokenizer(path, model, run.model.as_deref())?;
    let counter = tokenizer.as_ref().map(|(_, tokenizer)| tokenizer);
    let summaries =
        tasks.iter().map(|task| summarize(task, counter, &run)).collect::<Result<Vec<_>>>()?;
    let tree = TaskTree::new(tasks.iter().map(Task::id))?;

    let mut text = path.display().to_string();
    let _ = match &run.model {
        Some(model) => write!(text, ": a run on `{model}` with {}", counted(tasks.len(), "task")),
        None => write!(text, ": {}", counted(tasks.len(), "task")),
    };
    let corpora: Vec<String> = corpora.iter().map(|corpus| corpus.id().to_string()).collect();
    if !corpora.is_empty() {
        let _ = write!(text, " and the corpora {}", corpora.join(", "));
    }
    text.push('\n');
    for node in tree.nodes().skip(1) {
        let indent = "  ".repeat(node.depth() - 1);
        let _ = match node.task() {
            None => writeln!(text, "{indent}{}/", node.name()),
            Some(task) => writeln!(text, "{indent}{}", summaries[task].text(node.name(), &indent)),
        };
    }
    let json = Json {
        kind: if run.model.is_some() { "run_configuration" } else { "tasks" },
        model: run.model.as_deref(),
        tokenizer: tokenizer.as_ref().map(|(folder, _)| folder.to_string_lossy()),
        tasks: &summaries,
        corpora,
    };
    let folder = tokenizer.as_ref().map(|(folder, _)| folder.as_path());
    let problem = run.staged.take().and_then(|config| problem_of(&config, &tasks, folder, path));
    Ok(Description { problem, ..Description::new(path, &json, text)? })
}

/// Returns the error with which `mtpt train` would refuse a configuration.
fn problem_of(
    config: &StagedRunConfig,
    tasks: &[Task],
    model: Option<&Path>,
    path: &Path,
) -> Option<Error> {
    /// Width of T5-base, for a model that doesn't exist yet.
    const WIDTH: usize = 768;
    let width = model.and_then(|folder| Some(read_config(folder).ok()?.d_model)).unwrap_or(WIDTH);
    let without_rows = tasks.iter().find(|task| !task.has(Split::Train));
    let checked = check_run(config, tasks, width).and_then(|()| match without_rows {
        Some(task) => Err(DataError::NoTrainingExamples { task: task.id().clone() }.into()),
        None => Ok(()),
    });
    let device = match open_device("auto") {
        Ok(device) => device,
        Err(error) => return Some(error),
    };
    let checked = checked.and_then(|()| check_start_from(&config.run, &device));
    checked.err().map(|error| Error::in_config(path, error))
}

/// Reads and checks the run settings, if there are any.
fn read_run(text: &str, path: &Path) -> Result<Run> {
    let document: Document =
        read_toml(text).map_err(|problem| tasks::Error::toml(path, problem))?;
    let Some(model) = document.model else { return Ok(Run::default()) };
    let (training, staged) = if document.corpora.is_empty() {
        let config = StagedRunConfig::parse(text, path)?;
        (config.run.training.clone(), Some(config))
    } else {
        (PretrainingConfig::parse(text, path)?.training, None)
    };
    Ok(Run {
        staged,
        model: Some(model),
        max_input_length: Some(training.max_input_length),
        max_target_length: Some(training.max_target_length),
    })
}

/// Loads the tokenizer of the requested model, or of the model in the configuration, which may not
/// exist yet.
fn tokenizer(
    path: &Path,
    requested: Option<&Path>,
    configured: Option<&str>,
) -> Result<Option<(PathBuf, ModelTokenizer)>> {
    match (requested, configured) {
        (Some(model), _) => load_tokenizer(model).map(Some),
        (None, Some(model)) => Ok(load_tokenizer(&mtpt::resolve_model(path, model))
            .map_err(|error| message(&format!("note: tokens are not counted: {error}")))
            .ok()),
        (None, None) => Ok(None),
    }
}

fn summarize(task: &Task, tokenizer: Option<&ModelTokenizer>, run: &Run) -> Result<TaskSummary> {
    let mut unknown_tokens = UnknownTokens::default();
    let splits = Split::ALL.into_iter().filter(|&split| task.has(split)).map(|split| {
        let (mut rows, mut blank_inputs) = (0, 0);
        let mut labels = BTreeMap::new();
        let mut scores = Vec::new();
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        // Streaming, because the task may not fit in memory.
        for row in task.stream(split)? {
            let row = row?;
            rows += 1;
            blank_inputs += usize::from(row.is_blank);
            if let Some(tokenizer) = tokenizer {
                let ids = tokenizer.encode(&row.input)?;
                unknown_tokens.add_text(&row.input, &ids, tokenizer);
                inputs.push(ids.len());
                targets.push(tokenizer.encode(&row.target)?.len());
            }
            match row.gold {
                Gold::Label(label) => {
                    *labels.entry(task.labels().words()[label].clone()).or_default() += 1;
                }
                Gold::Score(score) => scores.push(score),
                Gold::Text => {
                    let (_, words) = task.labels().multi_labels().unwrap_or_default();
                    for label in task.labels().labels_in(&row.target).unwrap_or_default() {
                        *labels.entry(words[label].clone()).or_default() += 1;
                    }
                }
            }
        }
        let lengths = |lengths, limit| tokenizer.is_some().then(|| Lengths::new(lengths, limit));
        Ok(SplitSummary {
            split,
            rows,
            blank_inputs,
            labels,
            scores: Scores::new(&scores),
            input_tokens: lengths(inputs, run.max_input_length),
            target_tokens: lengths(targets, run.max_target_length),
        })
    });
    let splits = splits.collect::<Result<_>>()?;
    if let Some(text) = unknown_tokens.message(task.id()) {
        message(&text);
    }
    Ok(TaskSummary {
        task: task.id().to_string(),
        format: task.config().format,
        template: task.template().as_str().to_owned(),
        metrics: task.metrics().to_vec(),
        splits,
    })
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Scores {
    fn new(scores: &[f64]) -> Option<Self> {
        let extreme = |select: fn(f64, f64) -> f64| scores.iter().copied().reduce(select);
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        Some(Self { lowest: extreme(f64::min)?, mean, highest: extreme(f64::max)? })
    }
}

impl TaskSummary {
    fn text(&self, name: &str, indent: &str) -> String {
        let metrics: Vec<&str> = self.metrics.iter().map(Metric::name).collect();
        let mut text = format!(
            "{name}  {}  {:?}  {}",
            self.format.as_str(),
            self.template,
            metrics.join(", ")
        );
        for split in &self.splits {
            let _ = write!(
                text,
                "\n{indent}  {:5}  {}",
                split.split.as_str(),
                counted(split.rows, "row")
            );
            let labels = split
                .labels
                .iter()
                .map(|(label, &rows)| format!("{label} {rows} ({})", percent(rows, split.rows)));
            let labels = labels.collect::<Vec<_>>().join(", ");
            if !labels.is_empty() {
                let _ = write!(text, ": {labels}");
            }
            if let Some(Scores { lowest, mean, highest }) = &split.scores {
                let _ = write!(text, ": scores from {lowest} to {highest}, mean {mean:.2}");
            }
            if split.blank_inputs > 0 {
                let blank = counted(split.blank_inputs, "blank input");
                let _ = write!(text, "\n{indent}         {blank}");
            }
            for (what, lengths) in
                [("input", &split.input_tokens), ("target", &split.target_tokens)]
            {
                if let Some(lengths) = lengths {
                    let _ = write!(text, "\n{indent}         {what} tokens: {}", lengths.text());
                }
            }
        }
        text
    }
}
