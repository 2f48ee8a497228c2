use std::path::PathBuf;

use mtpt_tasks::{Split, TaskId};
use serde::Serialize;

use crate::stages::stage::Stage;

/// Results of a pipeline.
#[derive(Clone, Debug, Default)]
pub struct PipelineReport {
    /// The final prompts, if they are in one file: those of the targets, or of the sources if there
    /// are no targets.
    pub prompts: Option<PathBuf>,
    /// The runs, in order.
    pub runs: Vec<StageOutcome>,
    /// Results of few-shot adaptation.
    pub few_shot: Vec<FewShotResult>,
}

/// Result of one run of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageOutcome {
    /// The stage that the run belongs to.
    pub stage: Stage,
    /// File of its prompts.
    pub prompts: PathBuf,
    /// The step that they are from.
    pub step: usize,
    /// Mean of the tasks' metrics on `dev`, as a fraction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Step after which the run ended, if it ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_early: Option<usize>,
}

/// Result of adaptation to a few examples: a line of `few_shot.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FewShotResult {
    /// The target.
    pub task: TaskId,
    /// Number of training examples, in total or per label.
    pub rows: usize,
    /// Whether the number is per label.
    pub per_label: bool,
    /// The split that was evaluated.
    pub split: &'static str,
    /// Name of the metric.
    pub metric: &'static str,
    /// Its value for each sample of examples, as a fraction.
    pub values: Vec<f64>,
    /// Mean of the values.
    pub mean: f64,
    /// Sample standard deviation of the values, if there is more than one.
    pub deviation: Option<f64>,
}

impl FewShotResult {
    /// Creates the result of one metric from its values.
    pub(crate) fn new(
        task: TaskId,
        (rows, per_label): (usize, bool),
        split: Split,
        metric: &'static str,
        values: Vec<f64>,
    ) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
        Self { task, rows, per_label, split: split.as_str(), metric, values, mean, deviation }
    }

    /// Returns a one-line summary.
    pub(crate) fn summary(&self) -> String {
        let draws = self.values.len();
        format!(
            "{} with {} rows{}: {} {} {:.1}{} over {draws} {}",
            self.task,
            self.rows,
            if self.per_label { " of each label" } else { "" },
            self.split,
            self.metric,
            100.0 * self.mean,
            self.deviation
                .map_or_else(String::new, |value| format!(", deviation {:.1}", 100.0 * value)),
            if draws == 1 { "draw" } else { "draws" }
        )
    }
}
