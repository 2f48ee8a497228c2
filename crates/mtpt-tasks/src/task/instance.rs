use crate::data::location::SourceLocation;
use crate::labels::gold::Gold;

/// A row as a model meets it: an input text and the target text that answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Input text.
    pub input: String,
    /// Target text: the label's word, the right one of the row's choices, or the first of its references.
    pub target: String,
    /// Index of the target among what it is chosen from: the task's [`Labels::words`], or the row's choices or references.
    pub label: usize,
    /// What the row's label means.
    pub gold: Gold,
    /// The texts that are right, where labels are free text; none otherwise.
    pub references: Vec<String>,
    /// The row's own candidates, in the order of [`Labels::choice_fields`]; none where words are ranked.
    pub choices: Vec<String>,
    /// The group that the row belongs to, where a metric of the task judges groups.
    pub group: Option<String>,
    /// Where the row stands.
    pub location: SourceLocation,
}

impl Instance {
    /// Whether targets are the row's own, and not words that other rows have, too.
    pub(crate) fn has_own_targets(&self) -> bool {
        !self.references.is_empty() || !self.choices.is_empty()
    }
}
