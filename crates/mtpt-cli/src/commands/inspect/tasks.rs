use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use mtpt::t5::{T5Tokenizer, locate, read_config};
use mtpt::tasks::{
    self, CorpusFile, Format, Gold, Metric, Split, Task, TaskFile, TaskTree, read_toml,
};
use mtpt::train::{PretrainingConfig, StagedRunConfig};
use serde::{Deserialize, Serialize};

use super::distribution::Lengths;
use super::{Report, counted, percent};
use crate::error::{Error, Result};
use crate::model::beside;
use crate::progress::say;

/// What tells a run, and pretraining, from tasks alone.
#[derive(Deserialize)]
struct Document {
    model: Option<String>,
    #[serde(default)]
    corpora: Vec<serde::de::IgnoredAny>,
}

/// The run that a file may be the configuration of.
#[derive(Default)]
struct Run {
    model: Option<String>,
    longest_input: Option<usize>,
    longest_target: Option<usize>,
}

#[derive(Serialize)]
struct Json<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    /// The model whose tokenizer counted the tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokenizer: Option<&'a Path>,
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
    /// Rows of each label, by its word or, of a row's own candidates, its field.
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

pub(super) fn file(path: &Path, model: Option<&Path>) -> Result<Report> {
    let text =
        fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let run = read_run(&text, path)?;
    let corpora = CorpusFile::parse(&text, path)?.into_corpora();
    let tasks = match TaskFile::parse(&text, path) {
        Ok(tasks) => tasks.into_tasks(),
        Err(tasks::Error::NoTasks { .. }) if !corpora.is_empty() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let tokenizer = tokenizer(path, model, run.model.as_deref())?;
    let counting = tokenizer.as_ref().map(|(_, tokenizer)| tokenizer);
    let summaries =
        tasks.iter().map(|task| summary(task, counting, &run)).collect::<Result<Vec<_>>>()?;
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
        tokenizer: tokenizer.as_ref().map(|(folder, _)| folder.as_path()),
        tasks: &summaries,
        corpora,
    };
    Report::new(path, &json, text)
}

/// Checks the run that the file may be the configuration of.
fn read_run(text: &str, path: &Path) -> Result<Run> {
    let refused = |problem: tasks::TomlProblem| tasks::Error::Toml {
        file: path.to_owned(),
        line: problem.line,
        message: problem.message,
    };
    let document: Document = read_toml(text).map_err(refused)?;
    let Some(model) = document.model else { return Ok(Run::default()) };
    let training = if document.corpora.is_empty() {
        StagedRunConfig::parse(text, path)?.run.training
    } else {
        PretrainingConfig::parse(text, path)?.training
    };
    Ok(Run {
        model: Some(model),
        longest_input: Some(training.max_input_length),
        longest_target: Some(training.max_target_length),
    })
}

/// The tokenizer of the model asked for, or else of the file's own, which may not be there yet.
fn tokenizer(
    path: &Path,
    asked: Option<&Path>,
    own: Option<&str>,
) -> Result<Option<(PathBuf, T5Tokenizer)>> {
    let load = |model: &Path| -> Result<(PathBuf, T5Tokenizer)> {
        let folder = locate(model)?;
        let tokenizer = T5Tokenizer::load(&folder, &read_config(&folder)?)?;
        Ok((folder, tokenizer))
    };
    match (asked, own) {
        (Some(model), _) => load(model).map(Some),
        (None, Some(model)) => Ok(load(&beside(path, model))
            .map_err(|error| say(&format!("note: tokens are not counted: {error}")))
            .ok()),
        (None, None) => Ok(None),
    }
}

fn summary(task: &Task, tokenizer: Option<&T5Tokenizer>, run: &Run) -> Result<TaskSummary> {
    let splits = Split::ALL.into_iter().filter(|&split| task.has(split)).map(|split| {
        let mut rows = 0;
        let mut labels = BTreeMap::new();
        let mut scores = Vec::new();
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        // One by one: a task that is streamed need not fit in memory.
        for row in task.stream(split)? {
            let row = row?;
            rows += 1;
            if let Some(tokenizer) = tokenizer {
                inputs.push(tokenizer.encode(&row.input)?.len());
                targets.push(tokenizer.encode(&row.target)?.len());
            }
            match row.gold {
                Gold::Label(label) => {
                    *labels.entry(task.labels().words()[label].clone()).or_default() += 1;
                }
                Gold::Score(score) => scores.push(score),
                Gold::Text => {}
            }
        }
        let lengths =
            |lengths, longest| tokenizer.is_some().then(|| Lengths::new(lengths, longest));
        Ok(SplitSummary {
            split,
            rows,
            labels,
            scores: Scores::new(&scores),
            input_tokens: lengths(inputs, run.longest_input),
            target_tokens: lengths(targets, run.longest_target),
        })
    });
    Ok(TaskSummary {
        task: task.id().to_string(),
        format: task.config().format,
        template: task.template().as_str().to_owned(),
        metrics: task.metrics().to_vec(),
        splits: splits.collect::<Result<_>>()?,
    })
}

impl Scores {
    fn new(scores: &[f64]) -> Option<Self> {
        let extreme = |better: fn(f64, f64) -> f64| scores.iter().copied().reduce(better);
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
