use crate::run::progress::Progress;
use crate::run::trainer::Trainer;

/// State of a run between two steps, as a checkpoint stores it.
pub(crate) struct RunState<M> {
    pub(crate) trainer: Trainer<M>,
    /// The best module so far, if the run keeps it.
    pub(crate) best: Option<Best<M>>,
    /// Whether the evaluation after the last step is still to be done.
    pub(crate) evaluation_pending: bool,
    /// The state before the evaluation after the last step, if it was due only because the run
    /// ended there. A longer run has no such evaluation.
    pub(crate) before_last: Option<BeforeLast<M>>,
}

/// The best module before an evaluation, if there was one.
pub(crate) struct BeforeLast<M> {
    pub(crate) best: Option<Best<M>>,
}

impl<M> RunState<M> {
    /// Creates the state of a run before its first step.
    pub(crate) fn new(trainer: Trainer<M>) -> Self {
        Self { trainer, best: None, evaluation_pending: false, before_last: None }
    }

    /// Undoes the evaluation after the last step of a shorter run, and returns whether there was
    /// one.
    pub(crate) fn undo_last_evaluation(&mut self) -> bool {
        let pending = std::mem::take(&mut self.evaluation_pending);
        match self.before_last.take() {
            Some(BeforeLast { best }) => {
                self.best = best;
                true
            }
            None => pending,
        }
    }
}

/// The best module so far, without autodiff.
#[derive(Clone, Debug)]
pub(crate) struct Best<M> {
    pub(crate) module: M,
    /// The step that it is from.
    pub(crate) step: usize,
    /// Mean of the tasks' metrics on `dev`, or another score that is higher for a better module.
    pub(crate) score: f64,
    pub(crate) progress: Progress,
}
