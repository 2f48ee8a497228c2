use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use mtpt_io::IoError;
use mtpt_io::fs::{AtomicFile, open};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::run::observer::{EvaluationEvent, Observer, StepEvent};

/// Writes `metrics.jsonl`: one line per step and per metric value, each as soon as it is known.
///
/// A step is `{"step", "loss", "lr", "gradient_norm", "rows", "seconds", "tasks": {name: loss}}`,
/// with `"added": {name: loss}` if the objective has auxiliary losses, and `"task_lr"` if
/// task-specific parameters have their own learning rate. A metric value is `{"step", "split",
/// "task", "metric", "value"}`, with `"score"`, its contribution to the mean over tasks, if that is
/// another number. Losses are in nats per target token, and metric values are fractions, except for
/// correlations and errors. Steps are counted from 1; values of step 0 are those before training.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
    /// Length of all complete lines, in bytes.
    length: u64,
}

/// The step of a line, and whether it is a metric value.
#[derive(Deserialize)]
struct LogLine {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
}

impl MetricsLog {
    /// Opens a log and removes all lines after a step that an earlier process wrote.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written.
    pub fn open(path: &Path, steps_done: usize) -> Result<Self> {
        Self::open_after(path, steps_done, false)
    }

    /// Opens a log as [`open`](Self::open) does. If the evaluation after the step is pending, also
    /// removes its metric values, some of which an earlier process may have written.
    pub(crate) fn open_after(
        path: &Path,
        steps_done: usize,
        evaluation_pending: bool,
    ) -> Result<Self> {
        let belongs = |line: &[u8]| {
            // A line truncated by a crash is not JSON and is removed, too.
            let Ok(parsed) = serde_json::from_slice::<LogLine>(line) else { return false };
            let is_pending = evaluation_pending && parsed.metric.is_some();
            line.ends_with(b"\n") && parsed.step < steps_done + usize::from(!is_pending)
        };
        let is_read = steps_done > 0 && path.exists();
        let length = retain_lines(path, belongs, is_read)?;
        let file = OpenOptions::new().append(true).open(path);
        let file = file.map_err(IoError::with("write", path))?;
        Ok(Self { path: path.to_owned(), file, length })
    }

    fn line(&mut self, line: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_string(line).map_err(IoError::with("write", &self.path))?;
        line.push('\n');
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // A full disk may store part of a line, which is removed. If that fails, too, it is
            // removed when the run resumes.
            let _ = self.file.set_len(self.length);
            return Err(IoError::new("write", &self.path, error).into());
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

/// Rewrites a file with some of its lines, one at a time because the log of a long run is large.
/// Without `is_read`, the file is empty afterwards. Returns its length.
fn retain_lines(path: &Path, belongs: impl Fn(&[u8]) -> bool, is_read: bool) -> Result<u64> {
    let failed = IoError::with("write", path);
    let mut kept = AtomicFile::create(path)?;
    let mut length = 0;
    if is_read {
        let mut written = BufReader::new(open(path)?);
        let mut line = Vec::new();
        while written.read_until(b'\n', &mut line).map_err(IoError::with("read", path))? > 0 {
            if belongs(&line) {
                kept.write_all(&line).map_err(failed)?;
                length += line.len() as u64;
            }
            line.clear();
        }
    }
    kept.commit()?;
    Ok(length)
}

impl Observer for MetricsLog {
    fn step(&mut self, event: &StepEvent<'_>) -> Result<()> {
        let tasks: Map<String, Value> = event
            .task_losses
            .iter()
            .map(|(task, loss)| (task.to_string(), Value::from(*loss)))
            .collect();
        let added = event.auxiliary_losses.iter();
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
            score: (event.score != event.value).then_some(event.score),
        })
    }

    fn before_checkpoint(&mut self) -> Result<()> {
        Ok(self.file.sync_data().map_err(IoError::with("write", &self.path))?)
    }
}
