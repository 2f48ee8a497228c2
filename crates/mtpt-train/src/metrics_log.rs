use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use mtpt_core::write_whole_file;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Error, EvaluationEvent, Observer, Result, StepEvent};

/// Writes `metrics.jsonl`: a line for every step and for every figure, each as soon as it is known.
///
/// A step is `{"step", "loss", "lr", "gradient_norm", "rows", "seconds", "tasks": {name: loss}}`, with `"added": {name: loss}`
/// where the objective adds to the loss, and `"task_lr"` where what tasks own has a rate of its own; a figure is
/// `{"step", "split", "task", "metric", "value"}`. Losses are nats for each target token, values of metrics fractions; a
/// step is counted from 1.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
}

/// The part of a line that says to which step it belongs.
#[derive(Deserialize)]
struct Place {
    step: usize,
}

#[derive(Serialize)]
struct StepLine<'a> {
    step: usize,
    loss: f64,
    #[serde(skip_serializing_if = "Map::is_empty")]
    added: &'a Map<String, Value>,
    lr: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_lr: Option<f64>,
    gradient_norm: f64,
    rows: usize,
    seconds: f64,
    tasks: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct EvaluationLine<'a> {
    step: usize,
    split: &'a str,
    task: &'a str,
    metric: &'a str,
    value: f64,
}

impl MetricsLog {
    /// Opens a log that keeps what an earlier part of the run wrote up to a step, and nothing after it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written.
    pub fn open(path: &Path, steps_done: usize) -> Result<Self> {
        let failed = |action| move |source| Error::File { action, path: path.to_owned(), source };
        let kept = if steps_done > 0 && path.exists() {
            std::fs::read_to_string(path).map_err(failed("read"))?
        } else {
            String::new()
        };
        // A line cut short by a crash is no JSON, and goes with those after the checkpoint.
        let kept: String = kept
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .filter(|line| {
                serde_json::from_str::<Place>(line).is_ok_and(|place| place.step <= steps_done)
            })
            .collect();
        write_whole_file(path, kept.as_bytes())?;
        let file = OpenOptions::new().append(true).open(path).map_err(failed("write"))?;
        Ok(Self { path: path.to_owned(), file })
    }

    fn line(&mut self, line: &impl Serialize) -> Result<()> {
        let failed = |source| Error::File { action: "write", path: self.path.clone(), source };
        let mut line = serde_json::to_string(line).map_err(|error| failed(error.into()))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(failed)
    }
}

impl Observer for MetricsLog {
    fn step(&mut self, event: &StepEvent<'_>) -> Result<()> {
        let tasks: Map<String, Value> = event
            .task_losses
            .iter()
            .map(|(task, loss)| (task.to_string(), Value::from(*loss)))
            .collect();
        let added = event.added_losses.iter();
        let added = added.map(|(name, loss)| ((*name).to_owned(), Value::from(*loss))).collect();
        self.line(&StepLine {
            step: event.step,
            loss: event.loss,
            added: &added,
            lr: event.learning_rate,
            task_lr: event.task_learning_rate,
            gradient_norm: event.gradient_norm,
            rows: event.rows,
            seconds: event.seconds,
            tasks: &tasks,
        })
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> Result<()> {
        self.line(&EvaluationLine {
            step: event.step,
            split: event.split,
            task: event.task.as_str(),
            metric: event.metric,
            value: event.value,
        })
    }
}
