use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use mtpt::tasks::evaluation::BaselinesRecord;
use mtpt::tasks::{EvaluationRecord, Unit, format_value};
use mtpt::train::Stage;
use serde::Serialize;
use serde_json::Value;

use crate::commands::inspect::description::Description;
use crate::commands::inspect::prompts;
use crate::error::{Error, Result};
use crate::number_format::{counted, thousands};
use crate::results::{baselines_line, classes_lines, run_results};
use crate::run_files::config::{Named, RunSettings, read_config};
use crate::run_files::evaluation::{read_baselines, read_evaluation};
use crate::run_files::history::{History, read_history};
use crate::run_files::record::{RunRecord, SessionRecord};

#[derive(Clone, Serialize)]
struct Measurement {
    step: usize,
    value: f64,
}

/// The last, the highest and the best value of a metric.
#[derive(Serialize)]
struct MetricSummary {
    task: String,
    split: String,
    metric: String,
    last: Measurement,
    highest: Measurement,
    /// The lowest value for a loss or an error, otherwise the highest.
    best: Measurement,
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
    #[serde(rename = "figures")]
    metrics: &'a [MetricSummary],
    /// Results at the end of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation: Option<&'a EvaluationRecord>,
    /// Baselines of a run that hasn't ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    baselines: Option<&'a BaselinesRecord>,
    checkpoints: &'a [String],
    /// Folders of the runs below this one.
    runs: &'a [PathBuf],
    prompts: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sessions: &'a [SessionRecord],
    model_trained: bool,
}

/// Describes a run folder.
pub(crate) fn describe(path: &Path) -> Result<Description> {
    let settings = read_settings(&path.join("config.toml"))?;
    let corpora = settings.corpora.as_deref().unwrap_or_default();
    let history = read_history(&path.join("metrics.jsonl"))?.unwrap_or_default();
    let (steps_done, loss) =
        history.steps.last().map_or((0, None), |step| (step.step, Some(step.loss)));
    let metrics = summarize_metrics(&history);
    let evaluation = read_evaluation(&path.join("evaluation.json"))?;
    let baselines =
        if evaluation.is_none() { read_baselines(&path.join("baselines.json"))? } else { None };
    let prompts = path.join("prompts.safetensors");
    let prompts = if prompts.is_file() { Some(prompts::describe_file(&prompts)?) } else { None };
    let checkpoints = visible_names(&path.join("checkpoints"));
    let model_trained = path.join("model/config.json").is_file();
    let runs = Stage::ALL.iter().flat_map(|stage| stage.runs_in(path)).collect::<Vec<_>>();

    let mut text = if runs.is_empty() {
        format!(
            "{}: a run on `{}`, {} of {}\n",
            path.display(),
            settings.model,
            thousands(steps_done),
            counted(settings.training.steps, "step")
        )
    } else {
        format!("{}: {} on `{}`\n", path.display(), counted(runs.len(), "run"), settings.model)
    };
    for run in &runs {
        let _ = writeln!(text, "run {}", run.display());
    }
    let _ = writeln!(text, "seed {}", settings.seed);
    for (kind, entries) in [("task", settings.tasks.as_slice()), ("corpus", corpora)] {
        for Named { name } in entries {
            let _ = writeln!(text, "{kind} {name}");
        }
    }
    if let Some(loss) = loss {
        let _ = writeln!(text, "loss of the last step: {loss:.4}");
    }
    for MetricSummary { task, split, metric, last, best, .. } in &metrics {
        let _ = writeln!(
            text,
            "{task} {split} {metric}: {} at step {}, best {} at step {}",
            format_value(metric, last.value),
            last.step,
            format_value(metric, best.value),
            best.step
        );
    }
    for line in results_lines(evaluation.as_ref(), baselines.as_ref()) {
        let _ = writeln!(text, "{line}");
    }
    if runs.is_empty() {
        let count = counted(checkpoints.len(), "checkpoint");
        let _ = writeln!(text, "{count}: {}", checkpoints.join(", "));
    }
    let sessions = RunRecord::read(path)?.sessions;
    sessions.iter().for_each(|session| text.push_str(&session.line()));
    if let Some(prompts) = &prompts {
        text.push_str(&prompts.text);
    }
    if model_trained {
        let _ = writeln!(text, "{}: the trained model", path.join("model").display());
    }
    let json = Json {
        kind: "run",
        model: &settings.model,
        seed: settings.seed,
        tasks: names_of(&settings.tasks),
        corpora: names_of(corpora),
        steps: settings.training.steps,
        steps_done,
        loss,
        metrics: &metrics,
        evaluation: evaluation.as_ref(),
        baselines: baselines.as_ref(),
        checkpoints: &checkpoints,
        runs: &runs,
        prompts: prompts.as_ref().map(|prompts| &prompts.json),
        sessions: &sessions,
        model_trained,
    };
    Description::new(path, &json, text)
}

/// Returns the results of a run with the values per label, or the baselines if it hasn't ended.
fn results_lines(
    evaluation: Option<&EvaluationRecord>,
    baselines: Option<&BaselinesRecord>,
) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(record) = baselines {
        lines.extend(record.tasks.iter().map(|task| baselines_line(task, &record.split)));
    }
    if let Some(record) = evaluation {
        lines.extend(run_results(record));
        for task in record.tasks.iter().filter(|task| !task.classes.is_empty()) {
            lines.push(format!("labels of {}:", task.task));
            lines.extend(classes_lines(task, "  "));
        }
    }
    lines
}

fn read_settings(path: &Path) -> Result<RunSettings> {
    let settings = read_config(path)?.map(|config| config.settings).unwrap_or_default();
    if settings.model.is_empty() {
        let problem = "expected the configuration of a run: missing field `model`";
        return Err(Error::File { path: path.to_owned(), problem: problem.to_owned() });
    }
    Ok(settings)
}

fn names_of(entries: &[Named]) -> Vec<&str> {
    entries.iter().map(|entry| entry.name.as_str()).collect()
}

/// Returns the last, the highest and the best value of each metric, by task, split and metric.
fn summarize_metrics(history: &History) -> Vec<MetricSummary> {
    let mut summaries: BTreeMap<(&str, &str, &str), MetricSummary> = BTreeMap::new();
    for result in &history.results {
        let measurement = Measurement { step: result.step, value: result.value };
        let key = (result.task.as_str(), result.split.as_str(), result.metric.as_str());
        let summary = summaries.entry(key).or_insert_with(|| MetricSummary {
            task: result.task.clone(),
            split: result.split.clone(),
            metric: result.metric.clone(),
            last: measurement.clone(),
            highest: measurement.clone(),
            best: measurement.clone(),
        });
        if measurement.value > summary.highest.value {
            summary.highest = measurement.clone();
        }
        if Unit::of(&result.metric).is_better(measurement.value, summary.best.value) {
            summary.best = measurement.clone();
        }
        summary.last = measurement;
    }
    summaries.into_values().collect()
}

/// Returns the sorted names in a folder; empty if it doesn't exist.
fn visible_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    // Hidden names are unfinished files of a killed process.
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}
