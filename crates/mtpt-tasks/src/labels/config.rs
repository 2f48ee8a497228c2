use crate::labels::scale::Scale;

/// What the labels of a task mean, as a configuration says it.
///
/// | TOML | Meaning |
/// |---|---|
/// | `{ "0" = "negative", "1" = "positive" }` | the word of each label, in this order |
/// | `["entailment", "not_entailment"]` | labels that are words themselves, in this order |
/// | `"verbatim"` | labels are words themselves; the whole training split says which, in sorted order |
/// | `"regression"` | labels are scores from 0 to 5, a word every 0.2 |
/// | `{ regression = { lowest = 1, highest = 3, step = 0.5 } }` | labels are scores of another scale, see [`Scale`] |
/// | `"text"` | labels are free text; a field with several texts holds several that are right, the first of them the target |
/// | `{ text = { references = "answers" } }` | the same, where another field has the texts that are right |
/// | `{ choices = ["choice1", "choice2"] }` | each row brings its own candidates, in these fields; the label `0` says that the first is right, `1` the second |
/// | `{ choices = { "a" = "choice1", "b" = "choice2" } }` | the same for other labels |
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LabelsConfig {
    /// Pairs of a label and its word.
    Words(Vec<(String, String)>),
    /// Labels are words themselves, collected from the training split.
    Verbatim,
    /// Labels are scores.
    Regression(Scale),
    /// Labels are free text.
    Text {
        /// The field with the texts that are right, where it is not the field with the label.
        references: Option<String>,
    },
    /// Pairs of a label and the field of the row with its candidate.
    Choices(Vec<(String, String)>),
}

impl LabelsConfig {
    /// Labels and their words.
    pub fn words<L: Into<String>, W: Into<String>>(
        words: impl IntoIterator<Item = (L, W)>,
    ) -> Self {
        Self::Words(words.into_iter().map(|(label, word)| (label.into(), word.into())).collect())
    }

    /// Free text, with everything that is right in the field with the label.
    pub fn text() -> Self {
        Self::Text { references: None }
    }

    /// Fields with the candidates of a row; labels number them from 0.
    pub fn choices<F: Into<String>>(fields: impl IntoIterator<Item = F>) -> Self {
        let fields = fields.into_iter().enumerate();
        Self::Choices(fields.map(|(label, field)| (label.to_string(), field.into())).collect())
    }
}
