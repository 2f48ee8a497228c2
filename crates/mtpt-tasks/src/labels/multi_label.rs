use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::example::Example;
use crate::error::Result;
use crate::labels::error::LabelsError;
use crate::labels::raw_labels::RawLabels;
use crate::labels::row_error::RowLabelsError;
use crate::labels::truth::parse_truth;
use crate::look_alike::plain;

/// Separates the words of a target.
const JOIN: &str = ", ";
/// Separates the words of a generated text, which may have other blanks.
const COMMA: char = ',';
/// Separators that are suggested if a row has an unknown label with one of them.
const USUAL_SEPARATORS: [&str; 4] = ["|", ";", ",", " "];

/// Definition of labels of which a row has any number.
#[derive(Clone, Debug, PartialEq)]
pub struct MultiLabelConfig {
    /// Pairs of a label and its word.
    pub words: Vec<(String, String)>,
    /// Whether each label is a column with yes or no.
    pub columns: bool,
    /// Text between the labels of a row; by default, a row has a list of labels or a single one.
    pub separator: Option<String>,
    /// Target of a row without labels.
    pub none: String,
}

impl MultiLabelConfig {
    /// Target of a row without labels, by default.
    pub const NONE: &'static str = "none";

    /// Creates labels with words, of which a row has a list.
    pub fn new(words: Vec<(String, String)>) -> Self {
        Self { words, columns: false, separator: None, none: Self::NONE.to_owned() }
    }
}

/// Labels of which a row has any number.
///
/// The target of a row is its words in the order of the labels, separated by commas.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MultiLabel {
    raw: RawLabels,
    words: Vec<String>,
    /// The index of each word, by the form in which words are compared.
    plain_words: HashMap<String, usize>,
    columns: bool,
    separator: Option<String>,
    none: String,
}

impl MultiLabel {
    pub(crate) fn new(config: &MultiLabelConfig) -> Result<Self> {
        let MultiLabelConfig { words, columns, separator, none } = config.clone();
        let (raw, words) = RawLabels::with_words(words)?;
        let mut plain_words = HashMap::new();
        let plain_none = plain(&none);
        for (index, (label, word)) in raw.as_slice().iter().zip(&words).enumerate() {
            if word.contains(COMMA) {
                let (label, word) = (label.clone(), word.clone());
                return Err(LabelsError::CommaInWord { label, word }.into());
            }
            let plain_word = plain(word);
            if plain_word == plain_none {
                let (label, word) = (label.clone(), word.clone());
                return Err(LabelsError::WordIsNone { label, word }.into());
            }
            plain_words.insert(plain_word, index);
        }
        if none.trim().is_empty() || none.contains(COMMA) {
            return Err(LabelsError::None { found: none }.into());
        }
        if separator.as_deref() == Some("") {
            return Err(LabelsError::EmptySeparator.into());
        }
        if columns && separator.is_some() {
            return Err(LabelsError::SeparatorOfColumns.into());
        }
        Ok(Self { raw, words, plain_words, columns, separator, none })
    }

    pub(crate) fn to_config(&self) -> MultiLabelConfig {
        let (separator, none) = (self.separator.clone(), self.none.clone());
        let words = self.raw.pairs(&self.words);
        MultiLabelConfig { words, columns: self.columns, separator, none }
    }

    /// Returns the columns with yes or no, if labels are columns.
    pub(crate) fn columns(&self) -> Option<&[String]> {
        self.columns.then(|| self.raw())
    }

    pub(crate) fn raw(&self) -> &[String] {
        self.raw.as_slice()
    }

    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    /// Returns the labels of a row, in the order of the labels.
    pub(crate) fn labels_of(&self, example: &Example, field: &str) -> Result<Vec<usize>> {
        let mut labels = Vec::new();
        if let Some(columns) = self.columns() {
            for (label, column) in columns.iter().enumerate() {
                if truth_of(example, column)? {
                    labels.push(label);
                }
            }
        } else if example.is_list(field) {
            for label in example.require_texts(field)? {
                labels.push(self.label(label, example)?);
            }
        } else {
            let text = example.require(field)?;
            let separator = self.separator.as_deref().filter(|_| self.raw.position(text).is_none());
            let parts: Vec<&str> = match separator {
                Some(separator) => text.split(separator).collect(),
                None => vec![text],
            };
            for label in parts.into_iter().filter(|label| !label.trim().is_empty()) {
                labels.push(self.label(label, example)?);
            }
        }
        labels.sort_unstable();
        labels.dedup();
        Ok(labels)
    }

    fn label(&self, label: &str, example: &Example) -> Result<usize> {
        self.raw.position(label).ok_or_else(|| {
            let (location, known) = (example.location().clone(), self.raw().to_vec());
            let label = label.to_owned();
            match separator_of(&label, &self.raw) {
                Some(separator) => DataError::JoinedLabels { location, label, separator }.into(),
                None => DataError::UnknownLabel { location, label, known }.into(),
            }
        })
    }

    /// Returns the target of a row.
    pub(crate) fn target(&self, labels: &[usize]) -> String {
        if labels.is_empty() {
            return self.none.clone();
        }
        labels.iter().map(|&label| self.words[label].as_str()).collect::<Vec<_>>().join(JOIN)
    }

    /// Returns the labels of a generated text in their order. Words that are not label words are
    /// ignored.
    pub(crate) fn parse(&self, text: &str) -> Vec<usize> {
        let index = |word: &str| self.plain_words.get(&plain(word)).copied();
        let mut labels: Vec<usize> = text.split(COMMA).filter_map(index).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }
}

/// Returns the truth value of a column.
fn truth_of(example: &Example, column: &str) -> Result<bool> {
    let found = example.require(column)?;
    parse_truth(found).ok_or_else(|| {
        let (location, field) = (example.location().clone(), column.to_owned());
        RowLabelsError::Truth { location, field, found: found.to_owned() }.into()
    })
}

/// Returns the usual separator that divides a text into known labels, if there is one.
pub(crate) fn separator_of(text: &str, known: &RawLabels) -> Option<&'static str> {
    USUAL_SEPARATORS.into_iter().find(|&separator| {
        text.contains(separator) && text.split(separator).all(|part| known.position(part).is_some())
    })
}

/// Options of `multi_label` in a configuration.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MultiLabelOptions<T> {
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub(crate) labels: Option<T>,
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub(crate) columns: Option<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) separator: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) none: Option<String>,
}
