use crate::labels::multi_label::MultiLabelConfig;
use crate::labels::scale::Scale;

/// Definition of a task's labels in a configuration.
///
/// | TOML | Meaning |
/// |---|---|
/// | `{ "0" = "negative", "1" = "positive" }` | the word of each label, in this order |
/// | `["entailment", "not_entailment"]` | labels that are their own words, in this order |
/// | `"verbatim"` | labels are their own words, collected from the training split in sorted order |
/// | `"regression"` | labels are scores from 0 to 5, with a word every 0.2 |
/// | `{ regression = { lowest = 1, highest = 3, step = 0.5 } }` | labels are scores of another scale, see [`Scale`] |
/// | `"text"` | labels are free text; a field with several texts holds several references, the first of which is the target |
/// | `{ text = { references = "answers" } }` | the same, with the references in another field |
/// | `{ text = { no_answer = "unanswerable" } }` | the same, where a row may have no text, as in SQuAD 2.0; its target is this one |
/// | `{ multi_label = ["red", "blue"] }` | each row has any number of these labels, in a list |
/// | `{ multi_label = { labels = { "r" = "red" }, separator = "\|", none = "none" } }` | the same with words, for rows whose labels are one text with a separator; the target of a row without labels is `none` |
/// | `{ multi_label = { columns = ["toxic", "spam"] } }` | each label is a column with yes or no, see [`parse_truth`](crate::labels::parse_truth); a table from columns to words is possible too |
/// | `{ choices = ["choice1", "choice2"] }` | each row has its own candidates in these fields; the label `0` selects the first, `1` the second |
/// | `{ choices = { "a" = "choice1", "b" = "choice2" } }` | the same for other labels |
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LabelsConfig {
    /// Pairs of a label and its word.
    Words(Vec<(String, String)>),
    /// Labels are their own words, collected from the training split.
    Verbatim,
    /// Labels are scores.
    Regression(Scale),
    /// Labels are free text.
    Text {
        /// Field with the references, if it is not the label field.
        references: Option<String>,
        /// Target of rows without an answer, if there are any.
        no_answer: Option<String>,
    },
    /// Each row has any number of labels.
    MultiLabel(MultiLabelConfig),
    /// Pairs of a label and the field with its candidate.
    Choices(Vec<(String, String)>),
}

impl LabelsConfig {
    /// Creates labels with words.
    pub fn words<L: Into<String>, W: Into<String>>(
        words: impl IntoIterator<Item = (L, W)>,
    ) -> Self {
        Self::Words(words.into_iter().map(|(label, word)| (label.into(), word.into())).collect())
    }

    /// Creates free text, with the references in the label field.
    pub fn text() -> Self {
        Self::Text { references: None, no_answer: None }
    }

    /// Creates choices from the fields with a row's candidates; labels are numbers from 0.
    pub fn choices<F: Into<String>>(fields: impl IntoIterator<Item = F>) -> Self {
        let fields = fields.into_iter().enumerate();
        Self::Choices(fields.map(|(label, field)| (label.to_string(), field.into())).collect())
    }
}
