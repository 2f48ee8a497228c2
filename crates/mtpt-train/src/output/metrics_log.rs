use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use mtpt_io::fs::write_atomic;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::run::observer::{EvaluationEvent, Observer, StepEvent};

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
    /// Bytes of whole lines.
    length: u64,
}

/// The part of a line that says to which step it belongs, and whether it is a figure.
#[derive(Deserialize)]
struct Place {
    step: usize,
    metric: Option<IgnoredAny>,
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
        Self::open_after(path, steps_done, false)
    }

    /// The same; where the evaluation after these steps is still to come, its figures, which an earlier part of the run may have
    /// begun with, are not kept.
    pub(crate) fn open_after(path: &Path, steps_done: usize, unjudged: bool) -> Result<Self> {
        let failed = |action| move |source| Error::File { action, path: path.to_owned(), source };
        let written = if steps_done > 0 && path.exists() {
            fs::read(path).map_err(failed("read"))?
        } else {
            Vec::new()
        };
        let belongs = |line: &&[u8]| {
            // A line cut short by a crash is no JSON, and goes with those after the checkpoint.
            let Ok(place) = serde_json::from_slice::<Place>(line) else { return false };
            let to_come = unjudged && place.metric.is_some();
            line.ends_with(b"\n") && place.step < steps_done + usize::from(!to_come)
        };
        let lines = written.split_inclusive(|&byte| byte == b'\n');
        let kept = lines.filter(belongs).collect::<Vec<_>>().concat();
        write_atomic(path, &kept)?;
        let file = OpenOptions::new().append(true).open(path).map_err(failed("write"))?;
        Ok(Self { path: path.to_owned(), file, length: kept.len() as u64 })
    }

    fn line(&mut self, line: &impl Serialize) -> Result<()> {
        let failed = |source| Error::File { action: "write", path: self.path.clone(), source };
        let mut line = serde_json::to_string(line).map_err(|error| failed(error.into()))?;
        line.push('\n');
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // A disk that is full takes half a line: the log has whole ones. If that fails too, resuming drops it.
            let _ = self.file.set_len(self.length);
            return Err(failed(error));
        }
        self.length += line.len() as u64;
        Ok(())
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

    fn before_checkpoint(&mut self) -> Result<()> {
        let failed = |source| Error::File { action: "write", path: self.path.clone(), source };
        self.file.sync_data().map_err(failed)
    }
}
