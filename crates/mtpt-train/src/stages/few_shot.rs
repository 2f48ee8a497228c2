//! Few-shot adaptation: data, scores and results.

use std::path::Path;

use mtpt_core::Backbone;
use mtpt_infer::{Prompted, Prompts, TaskData};
use mtpt_io::fs::write_atomic;
use mtpt_tasks::{Split, Tokenize};

use crate::config::run::RunConfig;
use crate::data::error::DataError;
use crate::error::Result;
use crate::output::error::CheckpointError;
use crate::stages::context::Context;
use crate::stages::plan::{PlannedFewShot, PlannedRun};
use crate::stages::report::FewShotResult;

/// A target and the split it is evaluated on.
pub(crate) type Evaluated = (Split, TaskData);

/// Reads the split that each target is evaluated on: `test`, or `dev` if there is none.
pub(crate) fn read_evaluated<B: Backbone, T: Tokenize>(
    few_shot: &PlannedFewShot,
    config: &RunConfig,
    context: &Context<'_, B, T>,
) -> Result<Vec<Evaluated>> {
    let read = |(position, task): (usize, &mtpt_tasks::Task)| {
        let split = [Split::Test, Split::Dev].into_iter().find(|&split| task.has(split));
        let split =
            split.ok_or_else(|| DataError::NothingToEvaluate { task: task.id().clone() })?;
        Ok((split, context.read_task(position, task, split, config)?))
    };
    (0..).zip(&few_shot.targets).map(read).collect()
}

/// Reads the sampled training examples of a run.
pub(crate) fn read_sample<B: Backbone, T: Tokenize>(
    run: &PlannedRun,
    rows: usize,
    context: &Context<'_, B, T>,
) -> Result<Vec<TaskData>> {
    let data = context.read_split(&run.tasks, Split::Train, &run.config)?;
    for task in &data {
        // If the number is per label, the task has already checked it.
        let found = task.count(Split::Train);
        if found < rows {
            let task = task.task().id().clone();
            return Err(DataError::TooFewExamples { task, expected: rows, found }.into());
        }
    }
    Ok(data)
}

/// Metric values of each target, by sample.
pub(crate) struct Scores<'a> {
    evaluated: &'a [Evaluated],
    values: Vec<Vec<(&'static str, Vec<f64>)>>,
}

impl<'a> Scores<'a> {
    pub(crate) fn new(evaluated: &'a [Evaluated]) -> Self {
        Self { evaluated, values: vec![Vec::new(); evaluated.len()] }
    }

    /// Evaluates the prompts of one sample.
    pub(crate) fn add(
        &mut self,
        backbone: &impl Backbone,
        prompts: &Prompts,
        batch_size: usize,
    ) -> Result<()> {
        let prompted = Prompted::new(backbone, prompts.composition())?;
        for ((split, data), values) in self.evaluated.iter().zip(&mut self.values) {
            let evaluation = prompted.evaluate(data, *split, batch_size)?;
            for (metric, value) in evaluation.values() {
                match values.iter_mut().find(|(name, _)| *name == metric.name()) {
                    Some((_, values)) => values.push(*value),
                    None => values.push((metric.name(), vec![*value])),
                }
            }
        }
        Ok(())
    }

    /// Returns the results for each target and metric.
    pub(crate) fn into_results(self, rows: usize, per_label: bool) -> Vec<FewShotResult> {
        let mut results = Vec::new();
        for ((split, data), values) in self.evaluated.iter().zip(self.values) {
            for (metric, values) in values {
                let task = data.task().id().clone();
                results.push(FewShotResult::new(task, (rows, per_label), *split, metric, values));
            }
        }
        results
    }
}

/// Writes all results so far.
pub(crate) fn write_results(path: &Path, results: &[FewShotResult]) -> Result<()> {
    let mut lines = String::new();
    for result in results {
        let line = serde_json::to_string(result);
        lines += &line.map_err(|source| CheckpointError::Json { path: path.to_owned(), source })?;
        lines.push('\n');
    }
    Ok(write_atomic(path, lines.as_bytes())?)
}
