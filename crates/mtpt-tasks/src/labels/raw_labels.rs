use std::collections::HashMap;

use crate::error::Result;
use crate::labels::error::LabelsError;
use crate::look_alike::{plain, same_label};

/// The labels in files, each once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawLabels {
    labels: Vec<String>,
    /// The index of each label, by the form in which labels are compared.
    forms: HashMap<String, usize>,
}

impl RawLabels {
    /// Separates labels and words, and checks that each occurs once.
    pub(crate) fn with_words<L: Into<String>, W: Into<String>>(
        pairs: impl IntoIterator<Item = (L, W)>,
    ) -> Result<(Self, Vec<String>)> {
        let mut raw = Self { labels: Vec::new(), forms: HashMap::new() };
        let mut words: Vec<String> = Vec::new();
        let mut plain_words = HashMap::new();
        for (label, word) in pairs {
            let (label, word) = (label.into(), word.into());
            let form = same_label(&label);
            if let Some(&first) = raw.forms.get(&form) {
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
            if let Some(first) = plain_words.insert(plain(&word), words.len()) {
                let first = raw.labels[first].clone();
                return Err(LabelsError::SharedWord { first, second: label, word }.into());
            }
            raw.forms.insert(form, raw.labels.len());
            raw.labels.push(label);
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
        exact.or_else(|| self.forms.get(&same_label(label)).copied())
    }
}
