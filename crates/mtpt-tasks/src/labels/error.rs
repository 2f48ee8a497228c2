use crate::look_alike::code_points;

/// Invalid labels, or scores that do not fit them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelsError {
    /// There are no label words.
    #[error(
        "expected `labels` to be a table from labels to words, `\"verbatim\"`, `\"regression\"`, \
         `\"text\"`, `{{ choices = [...] }}` or `{{ multi_label = [...] }}`, found {found}"
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
    /// Two labels are written differently, but are the same label.
    #[error(
        "expected every label once, but `{first}` and `{second}` are the same label (`{}` and `{}`)",
        code_points(.first), code_points(.second)
    )]
    SameLabel {
        /// The first label.
        first: String,
        /// The second label.
        second: String,
    },
    /// A word contains the comma that separates the words of a target.
    #[error("expected a word without a comma for the label `{label}`, found `{word}`")]
    CommaInWord {
        /// The label.
        label: String,
        /// The word.
        word: String,
    },
    /// A word equals the target of a row without labels.
    #[error(
        "the label `{label}` has the word `{word}`, which is the target of a row without labels; \
         set `none` to another word"
    )]
    WordIsNone {
        /// The label.
        label: String,
        /// The word.
        word: String,
    },
    /// The target of a row without labels is not a word.
    #[error("expected `none` to be a word without a comma, found `{found}`")]
    None {
        /// The target.
        found: String,
    },
    /// The separator of labels is empty.
    #[error("expected `separator` to be the text between the labels of a row, found an empty text")]
    EmptySeparator,
    /// Labels in columns have a separator.
    #[error("expected `columns` or `separator` in `multi_label`, found both")]
    SeparatorOfColumns,
    /// The number of scores differs from the number of label words.
    #[error("expected a score for each of {expected} label words, found {found}")]
    ScoreCount {
        /// Number of label words.
        expected: usize,
        /// Number of scores.
        found: usize,
    },
}
