//! Results of prompt tuning: predictions on `dev`, baselines, and their records.

use mtpt_core::{Backbone, Compose};
use mtpt_infer::{Prompted, RowPredictions, TaskData};
use mtpt_tasks::baseline::Baselines;
use mtpt_tasks::evaluation::{BaselinesRecord, EvaluationRecord};
use mtpt_tasks::{Evaluation, Split};

use crate::config::evaluation::EvaluationConfig;
use crate::config::run::RunConfig;
use crate::error::Result;
use crate::run::suggestion::suggestion;

/// The split that a run evaluates.
pub(crate) const SPLIT: Split = Split::Dev;

/// Result of an evaluation of all tasks with a `dev` split.
#[derive(Default)]
pub(crate) struct DevEvaluation {
    /// Evaluation and predictions of each task, in the order of the tasks.
    tasks: Vec<(Evaluation, RowPredictions)>,
}

impl DevEvaluation {
    /// Evaluates a task and adds the result, which is returned.
    pub(crate) fn add<C: Compose>(
        &mut self,
        prompted: &Prompted<'_, impl Backbone, C>,
        data: &TaskData,
        batch_size: usize,
    ) -> Result<&Evaluation> {
        let predictions = prompted.predict_rows(data, SPLIT, batch_size)?;
        let evaluation = predictions.evaluate(data, SPLIT)?;
        self.tasks.push((evaluation, predictions));
        Ok(&self.tasks[self.tasks.len() - 1].0)
    }

    /// Returns the mean over tasks of the mean of their metrics, if there is a task.
    pub(crate) fn mean(&self) -> Option<f64> {
        let sum: f64 = self.tasks.iter().map(|(evaluation, _)| evaluation.mean()).sum();
        (!self.tasks.is_empty()).then(|| sum / self.tasks.len() as f64)
    }

    /// Returns the record of the results of the evaluated tasks.
    pub(crate) fn record<'a>(
        &self,
        config: &RunConfig,
        tasks: impl Iterator<Item = &'a TaskData>,
        baselines: &BaselinesRecord,
        step: usize,
    ) -> Result<EvaluationRecord> {
        let EvaluationConfig { examples, texts, .. } = config.evaluation;
        let mut records = Vec::new();
        for (data, (evaluation, predictions)) in tasks.zip(&self.tasks) {
            let baselines =
                baselines.tasks.iter().find(|known| known.task == data.task().id().as_str());
            let mut record = predictions.record(data, SPLIT, evaluation, baselines);
            record.examples = predictions.selected_examples(data, SPLIT, examples, texts)?;
            if let Some(warning) = record.warnings.first_mut() {
                warning.push_str("; ");
                warning.push_str(&suggestion(config));
            }
            records.push(record);
        }
        Ok(EvaluationRecord { step, split: SPLIT.to_string(), tasks: records })
    }

    /// Adds the values to the baselines, as those before training.
    pub(crate) fn add_to(&self, baselines: &mut BaselinesRecord) {
        for (task, (evaluation, _)) in baselines.tasks.iter_mut().zip(&self.tasks) {
            for metric in &mut task.metrics {
                metric.values.before = evaluation.get(&metric.metric);
            }
        }
    }
}

/// Evaluates the baselines of tasks that need no training.
///
/// `tfidf` is whether to evaluate TF-IDF; by default, it depends on the number of training examples
/// of the task.
pub(crate) fn evaluate_baselines<'a>(
    tasks: impl Iterator<Item = &'a TaskData>,
    tfidf: Option<bool>,
) -> Result<BaselinesRecord> {
    let record = |data: &TaskData| {
        let baselines: Baselines = data.baselines(SPLIT, tfidf)?;
        Ok(baselines.record(data.task()))
    };
    let tasks = tasks.map(record).collect::<Result<_>>()?;
    Ok(BaselinesRecord { split: SPLIT.to_string(), tasks })
}
