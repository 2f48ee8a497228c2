use crate::data::location::SourceLocation;
use crate::labels::gold::Gold;

/// A row as input and target text.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Input text.
    pub input: String,
    /// The values of the input's fields alone, without the text of the template.
    pub text: String,
    /// Whether the fields in the input are empty or blank.
    pub is_blank: bool,
    /// Target text: the label word, the correct choice, or the first reference.
    pub target: String,
    /// Index of the target among the task's [`Labels::words`](crate::Labels::words), or among the
    /// row's choices or references.
    pub label: usize,
    /// The gold label.
    pub gold: Gold,
    /// References of free text; empty for other labels.
    pub references: Vec<String>,
    /// The row's own candidates, in the order of
    /// [`Labels::choice_fields`](crate::Labels::choice_fields); empty if words are ranked.
    pub choices: Vec<String>,
    /// The row's group, if a metric of the task is over groups.
    pub group: Option<String>,
    /// Location of the row.
    pub location: SourceLocation,
}

impl Instance {
    /// Returns whether the targets belong to this row only, unlike label words.
    pub(crate) fn has_own_targets(&self) -> bool {
        !self.references.is_empty() || !self.choices.is_empty()
    }
}
