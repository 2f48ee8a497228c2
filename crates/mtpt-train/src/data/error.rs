use mtpt_tasks::TaskId;

/// Errors in the data of a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A task has no training examples.
    #[error("task `{task}` has no training examples: add a `train` file with examples")]
    NoTrainingExamples {
        /// The task.
        task: TaskId,
    },
    /// Pretraining has neither text nor tasks.
    #[error(
        "nothing to train on: expected a `[[corpora]]` or `[[tasks]]` entry, found neither; add one"
    )]
    NothingToTrainOn,
    /// A task has fewer training examples than are to be sampled.
    #[error(
        "task `{task}`: expected at least {expected} training rows for `few_shot`, found {found}; \
         lower `few_shot.rows`"
    )]
    TooFewExamples {
        /// The task.
        task: TaskId,
        /// Number of examples to sample.
        expected: usize,
        /// Number of training examples.
        found: usize,
    },
    /// A task has no split to evaluate on.
    #[error("task `{task}` has neither a `test` nor a `dev` split to evaluate on: add one")]
    NothingToEvaluate {
        /// The task.
        task: TaskId,
    },
}
