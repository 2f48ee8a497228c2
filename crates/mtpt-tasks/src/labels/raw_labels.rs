use std::collections::HashMap;

use crate::error::Result;
use crate::labels::error::LabelsError;
use crate::look_alike::{is_spelling, plain, same_label};

/// The labels in files, each once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawLabels {
    labels: Vec<String>,
    /// Other spellings of labels, with the indices of these labels.
    spellings: Vec<(String, usize)>,
    /// The index of each label, by the form in which labels are compared.
    forms: HashMap<String, usize>,
}

impl RawLabels {
    /// Separates labels and words, and checks that each occurs once.
    ///
    /// Labels that differ in case alone, or look the same, may have the same word: they are
    /// spellings of the first of them.
    pub(crate) fn with_words<L: Into<String>, W: Into<String>>(
        pairs: impl IntoIterator<Item = (L, W)>,
    ) -> Result<(Self, Vec<String>)> {
        let mut raw = Self { labels: Vec::new(), spellings: Vec::new(), forms: HashMap::new() };
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
            let plain_word = plain(&word);
            if let Some(&first) = plain_words.get(&plain_word) {
                let spelling: &String = &raw.labels[first];
                if !is_spelling(&label, spelling) {
                    let first = spelling.clone();
                    return Err(LabelsError::SharedWord { first, second: label, word }.into());
                }
                raw.forms.insert(form, first);
                raw.spellings.push((label, first));
                continue;
            }
            plain_words.insert(plain_word, words.len());
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

    /// Returns the pairs from which the labels were created: each label, and each other spelling,
    /// with its word.
    pub(crate) fn pairs(&self, words: &[String]) -> Vec<(String, String)> {
        let labels = self.labels.iter().cloned().zip(words.iter().cloned());
        let spellings = self.spellings.iter();
        labels.chain(spellings.map(|(text, label)| (text.clone(), words[*label].clone()))).collect()
    }

    /// Returns the index of a label as a file has it: the same text, another spelling, or one that
    /// differs only in the composition of its characters, in blanks, or as `1.0` does from `1`.
    pub(crate) fn position(&self, label: &str) -> Option<usize> {
        let exact = self.labels.iter().position(|known| known == label);
        exact.or_else(|| self.forms.get(&same_label(label)).copied())
    }
}
