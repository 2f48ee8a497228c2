use std::path::Path;

use mtpt_core::Backbone;
use mtpt_io::fs::write_atomic;
use mtpt_tasks::{FewShot, Limit, Split, Task, TaskConfig, TaskId, Tokenize};
use serde::Serialize;

use crate::config::run::{EvaluationConfig, RunConfig};
use crate::config::stages::FewShotConfig;
use crate::error::{Error, Result};
use crate::run::observer::Observer;
use crate::stages::execute::{Stage, Stages, StagesDone};
use mtpt_infer::evaluate;

/// What adaptation to a few rows came to: a line of `few_shot.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FewShotFigure {
    /// The target.
    pub task: TaskId,
    /// Rows that were learned from, in all or of each label.
    pub rows: usize,
    /// Whether they are of each label.
    pub per_label: bool,
    /// The split that was judged.
    pub split: &'static str,
    /// Name of the metric.
    pub metric: &'static str,
    /// Its value in each draw, as a fraction.
    pub values: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Their sample deviation, which one draw has not.
    pub deviation: Option<f64>,
}

impl FewShotFigure {
    fn new(
        task: TaskId,
        rows: usize,
        per_label: bool,
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
}

impl<B: Backbone, E: Tokenize> Stages<'_, B, E> {
    /// Adapts to a few rows of targets, number by number and draw by draw.
    pub(crate) fn few_shot(
        &self,
        config: &RunConfig,
        few_shot: &FewShotConfig,
        place: &Path,
        targets: &[Task],
        observer: &mut impl Observer,
        done: &mut StagesDone,
    ) -> Result<()> {
        // Rows to choose by would be more than the few that there are: the prompts of the last step are judged.
        let evaluation = EvaluationConfig { every: 0, patience: None, ..config.evaluation.clone() };
        let judged = (0..)
            .zip(targets)
            .map(|(position, task)| {
                let split = [Split::Test, Split::Dev].into_iter().find(|&split| task.has(split));
                let split =
                    split.ok_or_else(|| Error::NothingToJudge { task: task.id().clone() })?;
                Ok((split, self.read_split(position, task.clone(), split, config)?))
            })
            .collect::<Result<Vec<_>>>()?;
        for &rows in &few_shot.rows {
            // Of each target and each of its metrics, by draws.
            let mut values: Vec<Vec<(&'static str, Vec<f64>)>> = vec![Vec::new(); targets.len()];
            for draw in 0..few_shot.draws {
                let config = RunConfig {
                    seed: config.seed.wrapping_add(draw as u64),
                    evaluation: evaluation.clone(),
                    ..config.clone()
                };
                let data = targets
                    .iter()
                    .zip(0..)
                    .map(|(task, position)| {
                        let drawn = drawn(task, few_shot, rows, draw as u64)?;
                        let data = self.read_split(position, drawn, Split::Train, &config)?;
                        let found = data.count(Split::Train);
                        // Of each label, the task itself counts.
                        if found < rows {
                            let task = task.id().clone();
                            return Err(Error::TooFewRows { task, expected: rows, found });
                        }
                        Ok(data)
                    })
                    .collect::<Result<Vec<_>>>()?;
                let place = place.join(format!("rows-{rows}")).join(format!("draw-{draw}"));
                let trained = self.learn(Stage::Targets, place, &config, &data, observer, done)?;
                let composition = Some(trained.prompts.composition());
                for ((split, data), values) in judged.iter().zip(&mut values) {
                    let batch_size = evaluation.batch_size;
                    let judged = evaluate(self.backbone, composition, data, *split, batch_size)?;
                    for (metric, value) in judged.values() {
                        let known = values.iter_mut().find(|(name, _)| *name == metric.name());
                        match known {
                            Some((_, values)) => values.push(*value),
                            None => values.push((metric.name(), vec![*value])),
                        }
                    }
                }
            }
            for ((split, data), values) in judged.iter().zip(values) {
                for (metric, values) in values {
                    let task = data.task().id().clone();
                    let figure =
                        FewShotFigure::new(task, rows, few_shot.per_label, *split, metric, values);
                    observer.note(&format!(
                        "{} with {rows} rows{}: {} {metric} {:.1}{} over {} {}",
                        figure.task,
                        if few_shot.per_label { " of each label" } else { "" },
                        figure.split,
                        100.0 * figure.mean,
                        figure.deviation.map_or_else(String::new, |deviation| {
                            format!(", deviation {:.1}", 100.0 * deviation)
                        }),
                        figure.values.len(),
                        if figure.values.len() == 1 { "draw" } else { "draws" }
                    ));
                    done.few_shot.push(figure);
                }
            }
            self.write_figures(done)?;
        }
        Ok(())
    }

    /// Writes all figures so far, whole or not at all.
    fn write_figures(&self, done: &StagesDone) -> Result<()> {
        let path = self.few_shot_figures();
        let mut lines = String::new();
        for figure in &done.few_shot {
            let line = serde_json::to_string(figure);
            lines += &line.map_err(|source| Error::Json { path: path.clone(), source })?;
            lines.push('\n');
        }
        Ok(write_atomic(&path, lines.as_bytes())?)
    }
}

/// The same task with a few of its training rows.
fn drawn(task: &Task, few_shot: &FewShotConfig, rows: usize, seed: u64) -> Result<Task> {
    let config = task.config().clone();
    let config = if few_shot.per_label {
        // All of those that are drawn.
        let limit = Limit { train: None, ..config.limit.clone() };
        TaskConfig { few_shot: Some(FewShot { per_label: rows, seed }), limit, ..config }
    } else {
        let limit = Limit { train: Some(rows), seed: Some(seed), ..config.limit.clone() };
        TaskConfig { limit, ..config }
    };
    Ok(Task::new(&config)?)
}
