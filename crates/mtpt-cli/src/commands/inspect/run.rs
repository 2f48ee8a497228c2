use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use mtpt::tasks::read_toml;
use mtpt::train::Stage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Report, counted, thousands};
use crate::error::{Error, Result};

/// What is told of the configuration that the run wrote.
#[derive(Deserialize)]
struct Config {
    model: String,
    #[serde(default)]
    seed: u64,
    training: Training,
    #[serde(default)]
    tasks: Vec<Named>,
    #[serde(default)]
    corpora: Vec<Named>,
}

#[derive(Deserialize)]
struct Training {
    steps: usize,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// A line of the metrics.
#[derive(Deserialize)]
struct Line {
    step: usize,
    loss: Option<f64>,
    split: Option<String>,
    task: Option<String>,
    metric: Option<String>,
    value: Option<f64>,
}

#[derive(Clone, Serialize)]
struct Figure {
    step: usize,
    value: f64,
}

/// A figure of a task: its last and its highest value.
#[derive(Serialize)]
struct Figures {
    task: String,
    split: String,
    metric: String,
    last: Figure,
    highest: Figure,
}

#[derive(Serialize)]
struct Json<'a> {
    kind: &'static str,
    model: &'a str,
    seed: u64,
    tasks: Vec<&'a str>,
    corpora: Vec<&'a str>,
    steps: usize,
    steps_done: usize,
    loss: Option<f64>,
    figures: &'a [Figures],
    checkpoints: &'a [String],
    /// Folders of the runs below this one.
    runs: &'a [PathBuf],
    prompts: Option<&'a Value>,
    model_trained: bool,
}

pub(super) fn folder(path: &Path) -> Result<Report> {
    let config = path.join("config.toml");
    let text = fs::read_to_string(&config)
        .map_err(|source| Error::Read { path: config.clone(), source })?;
    let config: Config = read_toml(&text).map_err(|problem| Error::Inspected {
        path: config.clone(),
        problem: format!("expected the configuration that a run wrote: {}", problem.message),
    })?;
    let (steps_done, loss, figures) = read_metrics(&path.join("metrics.jsonl"))?;
    let prompts = path.join("prompts.safetensors");
    let prompts = if prompts.is_file() { Some(super::prompts::file(&prompts)?) } else { None };
    let checkpoints = names(&path.join("checkpoints"));
    let model_trained = path.join("model/config.json").is_file();

    let runs = Stage::ALL.iter().flat_map(|stage| stage.runs_below(path)).collect::<Vec<_>>();
    let mut text = if runs.is_empty() {
        format!(
            "{}: a run on `{}`, {} of {} steps\n",
            path.display(),
            config.model,
            thousands(steps_done),
            thousands(config.training.steps)
        )
    } else {
        format!("{}: {} on `{}`\n", path.display(), counted(runs.len(), "run"), config.model)
    };
    for run in &runs {
        let _ = writeln!(text, "run {}", run.display());
    }
    let _ = writeln!(text, "seed {}", config.seed);
    for (kind, of_kind) in [("task", &config.tasks), ("corpus", &config.corpora)] {
        for Named { name } in of_kind {
            let _ = writeln!(text, "{kind} {name}");
        }
    }
    if let Some(loss) = loss {
        let _ = writeln!(text, "loss of the last step: {loss:.4}");
    }
    for Figures { task, split, metric, last, highest } in &figures {
        let _ = writeln!(
            text,
            "{task} {split} {metric}: {:.4} at step {}, highest {:.4} at step {}",
            last.value, last.step, highest.value, highest.step
        );
    }
    if runs.is_empty() {
        let count = counted(checkpoints.len(), "checkpoint");
        let _ = writeln!(text, "{count}: {}", checkpoints.join(", "));
    }
    if let Some(prompts) = &prompts {
        text.push_str(&prompts.text);
    }
    if model_trained {
        let _ = writeln!(text, "{}: the trained model", path.join("model").display());
    }
    let named = |of: &'_ [Named]| of.iter().map(|named| named.name.clone()).collect::<Vec<_>>();
    let (tasks, corpora) = (named(&config.tasks), named(&config.corpora));
    let json = Json {
        kind: "run",
        model: &config.model,
        seed: config.seed,
        tasks: tasks.iter().map(String::as_str).collect(),
        corpora: corpora.iter().map(String::as_str).collect(),
        steps: config.training.steps,
        steps_done,
        loss,
        figures: &figures,
        checkpoints: &checkpoints,
        runs: &runs,
        prompts: prompts.as_ref().map(|prompts| &prompts.json),
        model_trained,
    };
    Report::new(path, &json, text)
}

/// Steps done, the loss of the last one, and what was measured.
fn read_metrics(path: &Path) -> Result<(usize, Option<f64>, Vec<Figures>)> {
    if !path.is_file() {
        return Ok((0, None, Vec::new()));
    }
    let text =
        fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let (mut done, mut last_loss) = (0, None);
    let mut figures: BTreeMap<(String, String, String), Figures> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line: Line = match serde_json::from_str(line) {
            Ok(line) => line,
            // A run that is still writing may not have ended its last line.
            Err(_) if number == text.lines().count() => break,
            Err(error) => {
                let problem = format!("line {number} is not one of a run's metrics: {error}");
                return Err(Error::Inspected { path: path.to_owned(), problem });
            }
        };
        let figure = |value| Figure { step: line.step, value };
        match line {
            Line {
                task: Some(task),
                metric: Some(metric),
                split: Some(split),
                value: Some(value),
                ..
            } => {
                let known = figures.entry((task.clone(), split.clone(), metric.clone()));
                let known = known.or_insert_with(|| Figures {
                    task,
                    split,
                    metric,
                    last: figure(value),
                    highest: figure(value),
                });
                known.last = figure(value);
                if value > known.highest.value {
                    known.highest = figure(value);
                }
            }
            Line { step, loss: Some(loss), .. } => (done, last_loss) = (step, Some(loss)),
            _ => {}
        }
    }
    Ok((done, last_loss, figures.into_values().collect()))
}

/// Names in a folder, in sorted order; none where it is not there.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    // What a process that was killed left half-written is none.
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}
