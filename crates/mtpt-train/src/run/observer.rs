use std::path::Path;

use mtpt_tasks::TaskId;
use mtpt_tasks::evaluation::{BaselinesRecord, EvaluationRecord};

use crate::error::Result;

/// Start of a run.
#[derive(Clone, Debug)]
pub struct BeginEvent<'a> {
    /// Directory of the run, relative to that of the pipeline; empty for a single run.
    pub dir: &'a str,
    /// Number of tasks.
    pub tasks: usize,
    /// Total number of steps.
    pub steps: usize,
    /// Number of trainable parameters.
    pub trainable_parameters: usize,
}

/// State of a run that is about to continue with its first or next step.
#[derive(Clone, Copy, Debug)]
pub struct ReadyEvent<'a> {
    /// Directory of the run, if it has one.
    pub dir: Option<&'a Path>,
    /// Number of steps done before.
    pub steps_done: usize,
    /// Total number of steps.
    pub steps: usize,
    /// Whether the run was asked to resume.
    pub resume: bool,
    /// Whether nothing is left to do: a resumed run was already complete.
    pub is_complete: bool,
    /// Steps between evaluations; 0 if there is only one, after the last step.
    pub evaluation_every: usize,
}

/// Result of a training step.
#[derive(Clone, Debug)]
pub struct StepEvent<'a> {
    /// Number of steps done, including this one.
    pub step: usize,
    /// Total number of steps.
    pub steps: usize,
    /// Cross entropy per target token, in nats.
    pub loss: f64,
    /// Terms that the objective adds to it, by name, such as `logits` and `hidden` of distillation.
    pub auxiliary_losses: &'a [(&'static str, f64)],
    /// Cross entropy of each task that has examples in the step.
    pub task_losses: &'a [(TaskId, f64)],
    /// Learning rate.
    pub learning_rate: f64,
    /// Learning rate of task-specific parameters, if they have their own.
    pub task_learning_rate: Option<f64>,
    /// Global norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Number of examples.
    pub rows: usize,
    /// Duration, in seconds.
    pub seconds: f64,
}

/// Value of a metric on a split of a task.
#[derive(Clone, Debug)]
pub struct EvaluationEvent<'a> {
    /// Number of steps done.
    pub step: usize,
    /// `dev` or `test`.
    pub split: &'a str,
    /// The task.
    pub task: &'a TaskId,
    /// Name of the metric.
    pub metric: &'a str,
    /// Its value, see [`Unit`](mtpt_tasks::Unit); in nats for [`LOSS`](Self::LOSS).
    pub value: f64,
    /// Its contribution to the mean over tasks, see
    /// [`Evaluation::scores`](mtpt_tasks::Evaluation::scores).
    pub score: f64,
}

impl EvaluationEvent<'_> {
    /// The metric that is the mean loss per target token.
    pub const LOSS: &'static str = "loss";
}

/// Mean of the metrics of all tasks.
#[derive(Clone, Debug)]
pub struct MeanEvent<'a> {
    /// Number of steps done.
    pub step: usize,
    /// `dev` or `test`.
    pub split: &'a str,
    /// Mean over tasks of the mean of a task's metrics, as a fraction.
    pub value: f64,
    /// The step with the best mean so far, the first if several are equal.
    pub best_step: usize,
    /// The best mean so far.
    pub best_value: f64,
}

/// Receives the events of a run: to show progress, write a log or end the run early.
///
/// The library itself prints nothing. `()` is an observer that ignores every event, a pair of
/// observers passes every event to both, and `&mut O` is an observer if `O` is.
pub trait Observer {
    /// Called when a run starts; a pipeline has several.
    fn begin(&mut self, _event: &BeginEvent<'_>) {}

    /// Called once its directory is prepared and its checkpoint, if any, is restored.
    ///
    /// # Errors
    ///
    /// When the observer fails; the run ends with this error.
    fn ready(&mut self, _event: &ReadyEvent<'_>) -> Result<()> {
        Ok(())
    }

    /// Called after every step.
    ///
    /// # Errors
    ///
    /// When the observer fails, for example to write its log; the run ends with this error.
    fn step(&mut self, _event: &StepEvent<'_>) -> Result<()> {
        Ok(())
    }

    /// Called before the first step of this process of a run with an output, with the baselines of
    /// its tasks.
    ///
    /// # Errors
    ///
    /// When the observer fails; the run ends with this error.
    fn baselines(&mut self, _record: &BaselinesRecord) -> Result<()> {
        Ok(())
    }

    /// Called at the end of a run with an output, with the results of the prompts that it returns.
    ///
    /// # Errors
    ///
    /// When the observer fails; the run ends with this error.
    fn results(&mut self, _record: &EvaluationRecord) -> Result<()> {
        Ok(())
    }

    /// Called for every metric value.
    ///
    /// # Errors
    ///
    /// When the observer fails; the run ends with this error.
    fn evaluation(&mut self, _event: &EvaluationEvent<'_>) -> Result<()> {
        Ok(())
    }

    /// Called after all tasks were evaluated.
    ///
    /// # Errors
    ///
    /// When the observer fails; the run ends with this error.
    fn mean(&mut self, _event: &MeanEvent<'_>) -> Result<()> {
        Ok(())
    }

    /// Called with a description of the current activity, such as `evaluating sst2`.
    fn status(&mut self, _text: &str) {}

    /// Called with a message that should be shown permanently; a warning starts with `warning: `.
    fn note(&mut self, _text: &str) {}

    /// Called before a checkpoint is written. The checkpoint assumes that all events so far are
    /// stored, so an observer that stores them must flush them to disk now.
    ///
    /// # Errors
    ///
    /// When the observer fails; the run ends with this error and the checkpoint is not written.
    fn before_checkpoint(&mut self) -> Result<()> {
        Ok(())
    }

    /// Returns whether the run should end now. Called after every step, and between the tasks of
    /// an evaluation.
    ///
    /// A run with an output then writes a checkpoint, and ends with
    /// [`Error::Stopped`](crate::Error::Stopped). A run resumed from it produces the same result as
    /// an uninterrupted one.
    fn stop(&self) -> bool {
        false
    }
}

/// Ignores every event.
impl Observer for () {}

/// Passes every event to both observers, to the first one first. Either can end the run.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn begin(&mut self, event: &BeginEvent<'_>) {
        self.0.begin(event);
        self.1.begin(event);
    }

    fn ready(&mut self, event: &ReadyEvent<'_>) -> Result<()> {
        self.0.ready(event)?;
        self.1.ready(event)
    }

    fn step(&mut self, event: &StepEvent<'_>) -> Result<()> {
        self.0.step(event)?;
        self.1.step(event)
    }

    fn baselines(&mut self, record: &BaselinesRecord) -> Result<()> {
        self.0.baselines(record)?;
        self.1.baselines(record)
    }

    fn results(&mut self, record: &EvaluationRecord) -> Result<()> {
        self.0.results(record)?;
        self.1.results(record)
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> Result<()> {
        self.0.evaluation(event)?;
        self.1.evaluation(event)
    }

    fn mean(&mut self, event: &MeanEvent<'_>) -> Result<()> {
        self.0.mean(event)?;
        self.1.mean(event)
    }

    fn status(&mut self, text: &str) {
        self.0.status(text);
        self.1.status(text);
    }

    fn note(&mut self, text: &str) {
        self.0.note(text);
        self.1.note(text);
    }

    fn before_checkpoint(&mut self) -> Result<()> {
        self.0.before_checkpoint()?;
        self.1.before_checkpoint()
    }

    fn stop(&self) -> bool {
        self.0.stop() || self.1.stop()
    }
}

impl<O: Observer + ?Sized> Observer for &mut O {
    fn begin(&mut self, event: &BeginEvent<'_>) {
        (**self).begin(event);
    }

    fn ready(&mut self, event: &ReadyEvent<'_>) -> Result<()> {
        (**self).ready(event)
    }

    fn step(&mut self, event: &StepEvent<'_>) -> Result<()> {
        (**self).step(event)
    }

    fn baselines(&mut self, record: &BaselinesRecord) -> Result<()> {
        (**self).baselines(record)
    }

    fn results(&mut self, record: &EvaluationRecord) -> Result<()> {
        (**self).results(record)
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> Result<()> {
        (**self).evaluation(event)
    }

    fn mean(&mut self, event: &MeanEvent<'_>) -> Result<()> {
        (**self).mean(event)
    }

    fn status(&mut self, text: &str) {
        (**self).status(text);
    }

    fn note(&mut self, text: &str) {
        (**self).note(text);
    }

    fn before_checkpoint(&mut self) -> Result<()> {
        (**self).before_checkpoint()
    }

    fn stop(&self) -> bool {
        (**self).stop()
    }
}
