use std::path::PathBuf;

/// Errors of run directories and checkpoints.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Another run writes to the directory.
    #[error(
        "`{path}` is in use by another run: wait until it has ended, or choose another directory"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// All checkpoints are damaged.
    #[error("`{path}` {reason}, and no older checkpoint is intact: start over instead of resuming")]
    NoneIntact {
        /// A file of the newest checkpoint.
        path: PathBuf,
        /// Its damage: `is missing`, `has 120 bytes, 128 were written`.
        reason: String,
    },
    /// A complete run has no checkpoint, so that resuming it would start over.
    #[error(
        "the run in `{path}` is complete, but has no checkpoint to resume from: use its results, \
         or start over instead of resuming"
    )]
    NoCheckpoint {
        /// The directory of the run.
        path: PathBuf,
    },
    /// A checkpoint was written by another run.
    #[error("cannot resume from `{path}`: {reason}")]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
        /// The difference.
        reason: String,
    },
    /// A run is resumed with another number of steps, on which its learning rates depend.
    #[error(
        "cannot resume from `{path}` with another number of steps: `training.steps` was {before}, \
         and is now {steps}, but with `decay = \"{decay}\"` the learning rate of every step depends \
         on it"
    )]
    NotExtendable {
        /// The checkpoint.
        path: PathBuf,
        /// The number of steps until now.
        before: usize,
        /// The new number of steps.
        steps: usize,
        /// The decay of the learning rate.
        decay: String,
    },
    /// A run is resumed with fewer steps than it has done.
    #[error(
        "cannot resume from `{path}`: it has done {steps_done} steps, more than `training.steps`, \
         {steps}"
    )]
    BeyondLastStep {
        /// The checkpoint.
        path: PathBuf,
        /// The steps done.
        steps_done: usize,
        /// The new number of steps.
        steps: usize,
    },
    /// A file is not the JSON that this version writes.
    #[error("`{path}` is not the JSON that this version writes: remove it to start over")]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        #[source]
        source: serde_json::Error,
    },
    /// The state of the optimizer cannot be written or read.
    #[error("`{path}`: {message}")]
    OptimizerState {
        /// The file.
        path: PathBuf,
        /// Burn's message.
        message: String,
    },
}
