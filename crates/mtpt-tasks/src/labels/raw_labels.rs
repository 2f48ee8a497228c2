use crate::error::Result;
use crate::labels::error::LabelsError;
use crate::look_alike::{plain, same_label};

/// The labels in files, each once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawLabels {
    labels: Vec<String>,
    /// The labels in the form in which they are compared.
    forms: Vec<String>,
}

impl RawLabels {
    /// Separates labels and words, and checks that each occurs once.
    pub(crate) fn with_words<L: Into<String>, W: Into<String>>(
        pairs: impl IntoIterator<Item = (L, W)>,
    ) -> Result<(Self, Vec<String>)> {
        let mut raw = Self { labels: Vec::new(), forms: Vec::new() };
        let mut words: Vec<String> = Vec::new();
        for (label, word) in pairs {
            let (label, word) = (label.into(), word.into());
            let form = same_label(&label);
            if let Some(first) = raw.forms.iter().position(|other| *other == form) {
                let first = raw.labels[first].clone();
                return Err(if first == label {
                    LabelsError::DuplicateLabel { label }.into()
                } else {
                    LabelsError::SameLabel { first, second: label }.into()
                });
            }
            if word.trim().is_empty() {
                return Err(LabelsError::EmptyWord { label }.into());
            }
            if let Some(first) = words.iter().position(|other| plain(other) == plain(&word)) {
                let first = raw.labels[first].clone();
                return Err(LabelsError::SharedWord { first, second: label, word }.into());
            }
            raw.labels.push(label);
            raw.forms.push(form);
            words.push(word);
        }
        if words.is_empty() {
            return Err(LabelsError::NoLabels { found: "an empty table" }.into());
        }
        Ok((raw, words))
    }

    pub(crate) fn as_slice(&self) -> &[String] {
        &self.labels
    }

    /// Returns the index of a label as a file has it: the same text, or one that differs only in
    /// the composition of its characters, in blanks, or as `1.0` does from `1`.
    pub(crate) fn position(&self, label: &str) -> Option<usize> {
        let exact = self.labels.iter().position(|known| known == label);
        exact.or_else(|| {
            let form = same_label(label);
            self.forms.iter().position(|known| *known == form)
        })
    }
}
