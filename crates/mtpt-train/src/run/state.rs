use crate::run::progress::Progress;
use crate::run::trainer::Trainer;

/// State of a run between two steps, as a checkpoint stores it.
pub(crate) struct RunState<M> {
    pub(crate) trainer: Trainer<M>,
    /// The best module so far, if the run keeps it.
    pub(crate) best: Option<Best<M>>,
    /// Whether the evaluation after the last step is still to be done.
    pub(crate) evaluation_pending: bool,
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
