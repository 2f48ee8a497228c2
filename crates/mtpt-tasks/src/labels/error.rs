/// Invalid labels, or scores that do not fit them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelsError {
    /// There are no label words.
    #[error(
        "expected `labels` to be a table from labels to words, `\"verbatim\"`, `\"regression\"`, \
         `\"text\"` or `{{ choices = [...] }}`, found {found}"
    )]
    NoLabels {
        /// The value found.
        found: &'static str,
    },
    /// A label has an empty word.
    #[error("expected a word for the label `{label}`, found an empty one")]
    EmptyWord {
        /// The label.
        label: String,
    },
    /// Two labels have the same word.
    #[error("expected a distinct word for each label, but `{first}` and `{second}` share `{word}`")]
    SharedWord {
        /// The first label.
        first: String,
        /// The second label.
        second: String,
        /// The word of both.
        word: String,
    },
    /// A label occurs twice.
    #[error("expected every label once, found `{label}` again")]
    DuplicateLabel {
        /// The label.
        label: String,
    },
    /// The number of scores differs from the number of label words.
    #[error("expected a score for each of {expected} label words, found {found}")]
    ScoreCount {
        /// Number of label words.
        expected: usize,
        /// Number of scores.
        found: usize,
    },
}
