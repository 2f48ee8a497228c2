use mtpt_tasks::TaskId;

/// A run that begins.
#[derive(Clone, Debug)]
pub struct BeginEvent<'a> {
    /// Its place below the folder of all runs; empty where there is one alone.
    pub place: &'a str,
    /// Number of its tasks.
    pub tasks: usize,
    /// Its steps in all.
    pub steps: usize,
    /// How many numbers it trains.
    pub trained_numbers: usize,
}

/// What happened in a step of training.
#[derive(Clone, Debug)]
pub struct StepEvent<'a> {
    /// Number of steps done, this one counted.
    pub step: usize,
    /// Steps in all.
    pub steps: usize,
    /// Cross entropy for each target token, in nats.
    pub loss: f64,
    /// What the objective adds to it, by name, such as `logits` and `hidden` of distillation.
    pub added_losses: &'a [(&'static str, f64)],
    /// The cross entropy for the rows of each task that the step held.
    pub task_losses: &'a [(TaskId, f64)],
    /// Learning rate, of parameters without one of their own.
    pub learning_rate: f64,
    /// That of what each task owns, where it has one of its own.
    pub task_learning_rate: Option<f64>,
    /// Global norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Rows of the step.
    pub rows: usize,
    /// Duration of the step, in seconds.
    pub seconds: f64,
}

/// A figure measured on a split of a task.
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
    /// Its value, as a fraction; in nats for [`LOSS`](Self::LOSS).
    pub value: f64,
}

impl EvaluationEvent<'_> {
    /// The metric that is the mean loss of a target token.
    pub const LOSS: &'static str = "loss";
}

/// What the tasks came to together.
#[derive(Clone, Debug)]
pub struct MeanEvent<'a> {
    /// Number of steps done.
    pub step: usize,
    /// `dev` or `test`.
    pub split: &'a str,
    /// Mean over tasks of the mean of a task's metrics, as a fraction.
    pub value: f64,
    /// The step with the best mean so far, the first of equal ones.
    pub best_step: usize,
    /// That mean.
    pub best_value: f64,
}

/// Told of everything that happens while training; whoever shows progress, keeps a log or ends a run early implements it.
///
/// Nothing here prints: what is shown, and where, is the observer's.
pub trait Observer {
    /// A run begins, perhaps one of several.
    fn begin(&mut self, _event: &BeginEvent<'_>) {}

    /// A step is done.
    ///
    /// # Errors
    ///
    /// What the observer could not do, for example write its log; training stops.
    fn step(&mut self, _event: &StepEvent<'_>) -> crate::Result<()> {
        Ok(())
    }

    /// A figure was measured.
    ///
    /// # Errors
    ///
    /// What the observer could not do; training stops.
    fn evaluation(&mut self, _event: &EvaluationEvent<'_>) -> crate::Result<()> {
        Ok(())
    }

    /// All tasks were judged.
    ///
    /// # Errors
    ///
    /// What the observer could not do; training stops.
    fn mean(&mut self, _event: &MeanEvent<'_>) -> crate::Result<()> {
        Ok(())
    }

    /// A remark on what is being done: `evaluating sst2`.
    fn remark(&mut self, _text: &str) {}

    /// Something that should be known, also afterwards.
    fn note(&mut self, _text: &str) {}

    /// A checkpoint is about to be written, which remembers that everything so far was told: what keeps it brings it to the
    /// disk now.
    ///
    /// # Errors
    ///
    /// What the observer could not do; training stops, and the checkpoint is not written.
    fn before_checkpoint(&mut self) -> crate::Result<()> {
        Ok(())
    }

    /// Whether the run should end now: asked after every step, and between the tasks of an evaluation.
    ///
    /// A run that writes then writes a checkpoint, and training ends with [`Error::Stopped`](crate::Error::Stopped). When
    /// the run goes on from there, it comes to what it would have come to.
    fn stop(&self) -> bool {
        false
    }
}

/// An observer that looks away.
impl Observer for () {}

/// Both are told, the first one first; either can end the run.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn begin(&mut self, event: &BeginEvent<'_>) {
        self.0.begin(event);
        self.1.begin(event);
    }

    fn step(&mut self, event: &StepEvent<'_>) -> crate::Result<()> {
        self.0.step(event)?;
        self.1.step(event)
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> crate::Result<()> {
        self.0.evaluation(event)?;
        self.1.evaluation(event)
    }

    fn mean(&mut self, event: &MeanEvent<'_>) -> crate::Result<()> {
        self.0.mean(event)?;
        self.1.mean(event)
    }

    fn remark(&mut self, text: &str) {
        self.0.remark(text);
        self.1.remark(text);
    }

    fn note(&mut self, text: &str) {
        self.0.note(text);
        self.1.note(text);
    }

    fn before_checkpoint(&mut self) -> crate::Result<()> {
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

    fn step(&mut self, event: &StepEvent<'_>) -> crate::Result<()> {
        (**self).step(event)
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> crate::Result<()> {
        (**self).evaluation(event)
    }

    fn mean(&mut self, event: &MeanEvent<'_>) -> crate::Result<()> {
        (**self).mean(event)
    }

    fn remark(&mut self, text: &str) {
        (**self).remark(text);
    }

    fn note(&mut self, text: &str) {
        (**self).note(text);
    }

    fn before_checkpoint(&mut self) -> crate::Result<()> {
        (**self).before_checkpoint()
    }

    fn stop(&self) -> bool {
        (**self).stop()
    }
}
