use std::path::PathBuf;

/// Examples that cannot be sampled as configured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// One of the training and validation splits would be empty.
    #[error(
        "{}: `hold_out = {share}` gives {train} training and {dev} validation rows; {}",
        .path.display(),
        if *.all_differ {
            "no label occurs twice, so no row can be held out: set `labels = \"text\"` if labels are \
             free texts, `labels = \"regression\"` if they are scores, otherwise add rows or a `dev` \
             file"
        } else {
            "add rows or a `dev` file, or choose another fraction"
        }
    )]
    HoldOut {
        /// The file of the training split.
        path: PathBuf,
        /// The fraction.
        share: f64,
        /// Number of training rows.
        train: usize,
        /// Number of validation rows.
        dev: usize,
        /// Whether no label occurs twice.
        all_differ: bool,
    },
    /// A label has fewer rows than are to be sampled.
    #[error(
        "{}: `few_shot` samples {expected} rows{}, found {found}", .path.display(),
        label.as_ref().map_or_else(String::new, |label| format!(" of each label, but of `{label}`"))
    )]
    FewShot {
        /// The file of the training split.
        path: PathBuf,
        /// The label's word, or `None` if targets are not label words.
        label: Option<String>,
        /// Number of rows to be sampled.
        expected: usize,
        /// Number of rows available.
        found: usize,
    },
    /// A mixture has no tasks.
    #[error("a mixture needs at least one task, found none")]
    EmptyMixture,
    /// A task of a mixture has no examples.
    #[error("task {task} of the mixture (counted from 0) has no examples")]
    EmptyTask {
        /// Position of the task.
        task: usize,
    },
    /// Tasks are to be both sampled for each batch and used in turn.
    #[error(
        "`stochastic` samples the tasks of each batch, but `shuffle = false` uses them in turn; \
         omit one of the two"
    )]
    StochasticInTurn,
}
