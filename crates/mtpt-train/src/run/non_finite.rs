use std::fmt;
use std::path::PathBuf;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use mtpt_core::{named_parameters, parameter_names};
use mtpt_io::first_non_finite;
use mtpt_tasks::{SourceLocation, Task, TaskId, TokenBatch};

use crate::data::locate::row_places;

/// A loss or a gradient that is infinite or not a number: of such a step nothing can be learned, and it is not made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NotFinite {
    /// The step, counted from 1.
    pub step: usize,
    /// Name of the parameter whose gradient it is; none for a loss.
    pub parameter: Option<String>,
    /// The loss of the first of the rows, or the norm of the gradient.
    pub value: f64,
    /// The rows that it comes from: those whose loss it is, or whose gradient is not finite when they are computed alone; all
    /// rows of the step, if none is by itself.
    pub rows: Vec<TrainingRow>,
    /// The checkpoint with the state before the step, where the run wrote one.
    pub checkpoint: Option<PathBuf>,
}

/// A row of the training split of a task, or a chunk of a corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrainingRow {
    /// The task or corpus.
    pub task: TaskId,
    /// Its number there, counted from 0.
    pub number: usize,
    /// Where it stands, where the task's file still tells.
    pub location: Option<SourceLocation>,
}

impl fmt::Display for TrainingRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(formatter, "{location} (task `{}`)", self.task),
            None => write!(formatter, "row {} of `{}`, counted from 0", self.number, self.task),
        }
    }
}

/// Rows that a message names.
const NAMED: usize = 4;

impl fmt::Display for NotFinite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.parameter {
            Some(parameter) => format!("gradient of `{parameter}`"),
            None => "loss".to_owned(),
        };
        let named: Vec<String> = self.rows.iter().take(NAMED).map(TrainingRow::to_string).collect();
        let rest = match self.rows.len().saturating_sub(NAMED) {
            0 => String::new(),
            rest => format!(" and {rest} more rows"),
        };
        let (step, value, named) = (self.step, self.value, named.join(", "));
        write!(formatter, "step {step}: the {what} is {value}, from {named}{rest}; ")?;
        if let Some(place) = &self.checkpoint {
            let place = place.display();
            write!(
                formatter,
                "the state before it is kept in `{place}`, but would come here again; "
            )?;
        }
        formatter.write_str(
            "mend these rows or the model, or begin another run with a lower `training.learning_rate`",
        )
    }
}

impl std::error::Error for NotFinite {}

impl NotFinite {
    /// Tells where the rows of tasks stand; chunks of corpora keep their numbers.
    pub(crate) fn find_places<'a>(&mut self, tasks: impl Iterator<Item = &'a Task>) {
        for task in tasks {
            let of_task = |row: &&mut TrainingRow| row.task == *task.id();
            let numbers: Vec<usize> =
                self.rows.iter_mut().filter(of_task).map(|row| row.number).collect();
            let locations = row_places(task, &numbers);
            for row in self.rows.iter_mut().filter(of_task) {
                row.location = locations.get(&row.number).cloned();
            }
        }
    }
}

/// Whether a module has nothing but finite numbers, and can be gone on from.
pub(crate) fn is_finite<M: Module>(module: &M) -> bool {
    named_parameters(module).values().all(|data| first_non_finite(data).is_none())
}

/// Rows of a batch, by their positions there.
pub(crate) fn rows_of<'a>(
    batch: &'a TokenBatch,
    names: &'a [TaskId],
    positions: impl IntoIterator<Item = usize> + 'a,
) -> impl Iterator<Item = TrainingRow> + 'a {
    positions.into_iter().map(|position| TrainingRow {
        task: names[batch.tasks[position] as usize].clone(),
        number: batch.rows[position],
        location: None,
    })
}

/// The rows whose gradients are not finite when each is computed alone; those of the batches, if no row is to blame by itself;
/// all of them, if no batch is either.
pub(crate) fn rows_to_blame<M: Module>(
    module: &M,
    batches: &[TokenBatch],
    names: &[TaskId],
    gradients: impl Fn(&TokenBatch) -> Option<GradientsParams>,
) -> Vec<TrainingRow> {
    let is_bad = |batch: &TokenBatch| {
        gradients(batch).is_some_and(|gradients| {
            norms(module, &gradients).iter().any(|(_, norm)| !norm.is_finite())
        })
    };
    let bad: Vec<&TokenBatch> = batches.iter().filter(|batch| is_bad(batch)).collect();
    let bad = if bad.is_empty() { batches.iter().collect() } else { bad };
    let mut blamed = Vec::new();
    for batch in &bad {
        let rows = (0..batch.len()).filter(|&row| is_bad(&batch.only(row)));
        blamed.extend(rows_of(batch, names, rows));
    }
    if blamed.is_empty() {
        let all = |batch: &&TokenBatch| rows_of(batch, names, 0..batch.len()).collect::<Vec<_>>();
        blamed = bad.iter().flat_map(all).collect();
    }
    blamed
}

/// Name and norm of the gradient that keeps a module's from being finite: the first that is not by itself, else the largest.
pub(crate) fn worst_gradient<M: Module>(module: &M, gradients: &GradientsParams) -> (String, f64) {
    let norms = norms(module, gradients);
    let first = norms.iter().find(|(_, norm)| !norm.is_finite());
    let worst = first.or_else(|| norms.iter().max_by(|(_, a), (_, b)| a.total_cmp(b)));
    let Some(&(id, norm)) = worst else { return (String::new(), 0.0) };
    let names = parameter_names(module);
    let name = names.into_iter().find(|(of, _)| *of == id).map(|(_, name)| name);
    (name.unwrap_or_default(), norm)
}

fn norms<M: Module>(module: &M, gradients: &GradientsParams) -> Vec<(ParamId, f64)> {
    let mut visitor = Norms { gradients, norms: Vec::new() };
    module.visit(&mut visitor);
    visitor.norms
}

struct Norms<'a> {
    gradients: &'a GradientsParams,
    norms: Vec<(ParamId, f64)>,
}

impl ModuleVisitor for Norms<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let norm = f64::from(gradient.square().sum().into_scalar::<f32>()).sqrt();
            self.norms.push((param.id, norm));
        }
    }
}
