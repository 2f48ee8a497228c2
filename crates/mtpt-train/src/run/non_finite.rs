use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use mtpt_core::{named_parameters, parameter_names};
use mtpt_io::first_non_finite;
use mtpt_tasks::{Batch, BatchRow, SourceLocation, Split, Task, TaskId};

/// A loss or gradient that is infinite or NaN. The step is not done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NotFinite {
    /// The step, counted from 1.
    pub step: usize,
    /// Name of the parameter whose gradient is not finite; none for a loss.
    pub parameter: Option<String>,
    /// The loss of the first example, or the norm of the gradient.
    pub value: f64,
    /// The examples that cause it: those whose loss, or whose gradient when computed alone, is not
    /// finite; all examples of the step if there are none.
    pub examples: Vec<TrainingExample>,
    /// Number of examples that were computed together.
    pub rows: usize,
    /// Learning rate of the step before; none for the first step.
    pub learning_rate: Option<f64>,
    /// The checkpoint with the state before the step, if the run wrote one.
    pub checkpoint: Option<PathBuf>,
}

/// An example of the training split of a task, or a chunk of a corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrainingExample {
    /// The task or corpus.
    pub task: TaskId,
    /// Index in its training split.
    pub index: usize,
    /// Where it was read from, if the task's file still has it.
    pub location: Option<SourceLocation>,
}

impl fmt::Display for TrainingExample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(formatter, "{location} (task `{}`)", self.task),
            None => write!(formatter, "row {} of `{}`, counted from 0", self.index, self.task),
        }
    }
}

/// A learning rate above which it is the cause, whatever the examples are.
const TOO_HIGH: f64 = 10.0;
/// Number of examples that a message lists.
const LISTED: usize = 4;

impl fmt::Display for NotFinite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.parameter {
            Some(parameter) => format!("gradient of `{parameter}`"),
            None => "loss".to_owned(),
        };
        let (step, value) = (self.step, self.value);
        let all = self.rows > 1 && self.examples.len() >= self.rows;
        let too_high = self.learning_rate.filter(|rate| *rate > TOO_HIGH);
        if let Some(rate) = too_high {
            let for_all = if all { format!(" for all {} rows", self.rows) } else { String::new() };
            write!(
                formatter,
                "step {step}: the {what} is {value}{for_all}, because the learning rate, {}, is too \
                 high; ",
                short(rate)
            )?;
        } else if all {
            let rows = self.rows;
            write!(formatter, "step {step}: the {what} is {value} for all {rows} rows; ")?;
        } else {
            write!(formatter, "step {step}: the {what} is {value}, from {}; ", self.listed())?;
        }
        if let Some(path) = &self.checkpoint {
            let path = path.display();
            write!(
                formatter,
                "the state before this step was saved to `{path}`, but resuming from it will fail \
                 the same way; "
            )?;
        }
        if too_high.is_some() {
            formatter.write_str("start a new run with a lower `training.learning_rate`")?;
            let rows = self.listed();
            return if all { Ok(()) } else { write!(formatter, "; rows concerned: {rows}") };
        }
        formatter.write_str(if all && step == 1 {
            // The learning rate has had no effect yet.
            "check the model, whose values are too large for its precision"
        } else if all {
            "start a new run with a lower `training.learning_rate`, or check the model"
        } else {
            let rows = if self.examples.len() == 1 { "this row" } else { "these rows" };
            return write!(
                formatter,
                "fix {rows} or the model, or start a new run with a lower `training.learning_rate`"
            );
        })
    }
}

/// Formats a learning rate with three significant digits: `50`, `1e38`.
fn short(rate: f64) -> String {
    let rounded = format!("{rate:.2e}").parse().unwrap_or(rate);
    if rounded < 1e4 { rounded.to_string() } else { format!("{rounded:e}") }
}

impl std::error::Error for NotFinite {}

impl NotFinite {
    /// Returns the first examples, and the number of further ones.
    fn listed(&self) -> String {
        let listed: Vec<String> =
            self.examples.iter().take(LISTED).map(TrainingExample::to_string).collect();
        let rest = match self.examples.len().saturating_sub(LISTED) {
            0 => String::new(),
            1 => " and 1 more row".to_owned(),
            rest => format!(" and {rest} more rows"),
        };
        format!("{}{rest}", listed.join(", "))
    }

    /// Finds where the examples of tasks were read from; chunks of corpora keep their indices.
    pub(crate) fn locate_examples<'a>(&mut self, tasks: impl Iterator<Item = &'a Task>) {
        for task in tasks {
            let of_task = |example: &&mut TrainingExample| example.task == *task.id();
            let indices: Vec<usize> =
                self.examples.iter_mut().filter(of_task).map(|example| example.index).collect();
            let locations = locate(task, &indices);
            for example in self.examples.iter_mut().filter(of_task) {
                example.location = locations.get(&example.index).cloned();
            }
        }
    }
}

/// Finds where training examples of a task were read from, by reading the file again; empty if it
/// has changed.
fn locate(task: &Task, indices: &[usize]) -> BTreeMap<usize, SourceLocation> {
    let mut locations = BTreeMap::new();
    let Some(&last) = indices.iter().max() else { return locations };
    let Ok(instances) = task.stream(Split::Train) else { return locations };
    for (index, instance) in instances.take(last + 1).enumerate() {
        let Ok(instance) = instance else { return BTreeMap::new() };
        if indices.contains(&index) {
            locations.insert(index, instance.location);
        }
    }
    locations
}

/// Returns whether all parameters of a module are finite.
pub(crate) fn is_finite<M: Module>(module: &M) -> bool {
    named_parameters(module).values().all(|values| first_non_finite(values).is_none())
}

/// Returns the example of a row. `names` are those of the tasks, by their indices.
pub(crate) fn training_example(row: &BatchRow, names: &[TaskId]) -> TrainingExample {
    let task = names[row.example.task].clone();
    TrainingExample { task, index: row.index, location: None }
}

/// Returns the examples whose gradients are not finite when each is computed alone. If there are
/// none, returns all examples of the batches whose gradients are not finite, or of all batches.
pub(crate) fn examples_to_blame<M: Module>(
    module: &M,
    batches: &[Batch],
    names: &[TaskId],
    gradients: impl Fn(&Batch) -> Option<GradientsParams>,
) -> Vec<TrainingExample> {
    let is_bad = |batch: &Batch| {
        gradients(batch).is_some_and(|gradients| {
            norms(module, &gradients).iter().any(|(_, norm)| !norm.is_finite())
        })
    };
    let bad: Vec<&Batch> = batches.iter().filter(|batch| is_bad(batch)).collect();
    let bad = if bad.is_empty() { batches.iter().collect() } else { bad };
    let rows: Vec<&BatchRow> = bad.into_iter().flat_map(Batch::rows).collect();
    let mut blamed: Vec<&BatchRow> =
        rows.iter().copied().filter(|&row| is_bad(&row.clone().into())).collect();
    if blamed.is_empty() {
        blamed = rows;
    }
    blamed.into_iter().map(|row| training_example(row, names)).collect()
}

/// Returns the name and norm of the first gradient that is not finite, or of the largest if all
/// are.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_starts_with_the_cause() {
        let example =
            |index| TrainingExample { task: TaskId::new("mood").unwrap(), index, location: None };
        let mut problem = NotFinite {
            step: 3,
            parameter: None,
            value: f64::NAN,
            examples: (0..5).map(example).collect(),
            rows: 8,
            learning_rate: Some(1e20),
            checkpoint: None,
        };
        let rows: Vec<String> = (0..4).map(|index| example(index).to_string()).collect();
        let rows = format!("{} and 1 more row", rows.join(", "));
        assert_eq!(
            problem.to_string(),
            format!(
                "step 3: the loss is NaN, because the learning rate, 1e20, is too high; start a \
                 new run with a lower `training.learning_rate`; rows concerned: {rows}"
            )
        );
        problem.examples.truncate(1);
        problem.learning_rate = Some(0.3);
        assert_eq!(
            problem.to_string(),
            "step 3: the loss is NaN, from row 0 of `mood`, counted from 0; fix this row or the \
             model, or start a new run with a lower `training.learning_rate`"
        );
        assert_eq!([50.0, 9.999e19, 123_456.0].map(short), ["50", "1e20", "1.23e5"]);
    }
}
