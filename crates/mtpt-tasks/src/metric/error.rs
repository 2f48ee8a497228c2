use crate::names::quoted_list;

/// An invalid metric, or predictions that do not fit the rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// A metric does not apply to the task's labels.
    #[error("the metric `{metric}` is for {expected}, but the task has {found}; use {usual}")]
    WrongLabels {
        /// The metric.
        metric: &'static str,
        /// The labels that it applies to.
        expected: &'static str,
        /// The labels of the task.
        found: &'static str,
        /// Metrics for these labels.
        usual: &'static str,
    },
    /// The positive word of F1 is missing, and not certain.
    #[error(
        "`{metric}` needs a positive word: write `{{ {metric} = {{ positive = \"{}\" }} }}` with one \
         of {}, or use `macro_f1`, the mean over all labels",
        .known.last().map_or("", String::as_str), quoted_list(.known)
    )]
    NoPositive {
        /// The metric.
        metric: &'static str,
        /// The label words.
        known: Vec<String>,
    },
    /// A metric of SQuAD 1.1, in which each question has an answer.
    #[error(
        "`{metric}` follows SQuAD 1.1, in which each question has an answer; with `no_answer`, use \
         `{instead}`"
    )]
    Version {
        /// The metric.
        metric: &'static str,
        /// The metric of version 2.0.
        instead: &'static str,
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
        "expected the `labels` of `{metric}` to be some of {}, found {found}{}",
        quoted_list(.known),
        if .found == "none" { "; over all labels it is `accuracy`" } else { "" }
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
    #[error(
        "expected every metric once, found `{metric}` again; results are reported by the name of \
         the metric"
    )]
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
