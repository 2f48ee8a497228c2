use crate::names::quoted_list;

/// An invalid metric, or predictions that do not fit the rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// A metric does not apply to the task's labels.
    #[error("the metric `{metric}` is for {expected}, but the task has {found}")]
    WrongLabels {
        /// The metric.
        metric: &'static str,
        /// The labels that it applies to.
        expected: &'static str,
        /// The labels of the task.
        found: &'static str,
    },
    /// The positive word of F1 is not a label word.
    #[error(
        "expected the positive word of `{metric}` to be one of {}, found `{word}`",
        quoted_list(.known)
    )]
    PositiveWord {
        /// The metric.
        metric: &'static str,
        /// The word given.
        word: String,
        /// The label words.
        known: Vec<String>,
    },
    /// A metric counts no word, or a word that is not a label word.
    #[error(
        "expected the `labels` of `{metric}` to be some of {}, found {found}",
        quoted_list(.known)
    )]
    CountedWords {
        /// The metric.
        metric: &'static str,
        /// The unknown word, or `none`.
        found: String,
        /// The label words.
        known: Vec<String>,
    },
    /// A metric is listed twice.
    #[error("expected every metric once, found `{metric}` again")]
    Duplicate {
        /// The metric.
        metric: &'static str,
    },
    /// The number of predictions differs from the number of rows.
    #[error("expected a prediction for each of {expected} rows, found {found}")]
    PredictionCount {
        /// Number of rows.
        expected: usize,
        /// Number of predictions.
        found: usize,
    },
    /// The number of groups differs from the number of rows.
    #[error("expected a group for each of {expected} rows, found {found}")]
    GroupCount {
        /// Number of rows.
        expected: usize,
        /// Number of groups.
        found: usize,
    },
}
