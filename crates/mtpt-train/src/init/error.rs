use std::path::PathBuf;

use mtpt_tasks::TaskId;

/// Errors in the initial values of prompts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// A file of initial values cannot be used.
    #[error("`{path}`: {message}")]
    Values {
        /// The file.
        path: PathBuf,
        /// The problem.
        message: String,
    },
    /// Trained prompts cannot be started from.
    #[error("cannot start from `{path}`: {reason}")]
    StartFrom {
        /// The prompts.
        path: PathBuf,
        /// The mismatch.
        reason: String,
    },
    /// A hierarchy has another number of strategies than the tree of tasks has levels.
    #[error(
        "`composition.levels` must have one strategy for each of the {expected} levels of the tree \
         ({}), found {found}",
        names.join(" / ")
    )]
    Levels {
        /// Levels of the tree.
        expected: usize,
        /// Given strategies.
        found: usize,
        /// The names on the way from the root to a task of the last level.
        names: Vec<String>,
    },
    /// Tasks of one hierarchy would have prompts of different lengths.
    #[error(
        "the prompts of `{}` and `{}` would have lengths {} and {}: a level that extends prompts \
         must be one that every task has",
        tasks[0], tasks[1], lengths[0], lengths[1]
    )]
    UnevenLengths {
        /// Two tasks.
        tasks: [TaskId; 2],
        /// The lengths of their prompts.
        lengths: [usize; 2],
    },
}
