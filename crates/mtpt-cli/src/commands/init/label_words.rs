//! Label words, and spellings of one label.

use std::collections::BTreeMap;

use mtpt::tasks::labels::{is_spelling, same_label};

/// A label with its word, and its other spellings in the data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LabelWord {
    /// The most frequent spelling.
    pub(crate) label: String,
    pub(crate) word: String,
    pub(crate) spellings: Vec<String>,
}

impl LabelWord {
    /// Returns the pairs of a configuration: the label and its spellings, all with the same word.
    pub(crate) fn pairs(words: &[Self]) -> Vec<(String, String)> {
        let pair = |label: &String, word: &Self| (label.clone(), word.word.clone());
        let labels = words.iter().map(|word| pair(&word.label, word));
        let spellings = words
            .iter()
            .flat_map(|word| word.spellings.iter().map(move |spelling| pair(spelling, word)));
        labels.chain(spellings).collect()
    }
}

/// Returns the labels with their words, in sorted order.
///
/// Labels that differ in case alone, or look the same, are one. A word is the label in lower case
/// with spaces, which a model knows best, or the label itself if two words would be the same.
pub(crate) fn label_words(counts: &BTreeMap<String, usize>) -> Vec<LabelWord> {
    let mut by_frequency: Vec<(&String, usize)> =
        counts.iter().map(|(label, &rows)| (label, rows)).collect();
    by_frequency.sort_by_key(|&(_, rows)| std::cmp::Reverse(rows));
    let mut words: Vec<LabelWord> = Vec::new();
    for (label, _) in by_frequency {
        match words.iter_mut().find(|known| is_spelling(&known.label, label)) {
            Some(known) => {
                // The program itself ignores differences in blanks and in the composition of
                // characters.
                let mut others = std::iter::once(&known.label).chain(&known.spellings);
                let form = same_label(label);
                if !others.any(|other| same_label(other) == form) {
                    known.spellings.push(label.clone());
                } else if form == *label && same_label(&known.label) == form {
                    // The usual spelling: composed characters, and single spaces.
                    known.label.clone_from(label);
                }
            }
            None => {
                let (label, word) = (label.clone(), plain(label));
                words.push(LabelWord { label, word, spellings: Vec::new() });
            }
        }
    }
    words.sort_by(|first, second| first.label.cmp(&second.label));
    let mut distinct: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < words.len() || distinct.contains(&"") {
        words.iter_mut().for_each(|word| word.word.clone_from(&word.label));
    }
    words
}

/// Returns a label in lower case, with spaces between its words.
fn plain(label: &str) -> String {
    label.trim().to_lowercase().replace(['_', '-'], " ")
}

/// Returns words that describe numeric labels, as an example.
pub(crate) fn example_words(labels: &[LabelWord]) -> Option<&'static str> {
    let labels: Vec<String> = labels.iter().map(|label| same_label(&label.label)).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    if labels.is_empty() || labels.iter().any(|label| label.parse::<f64>().is_err()) {
        return None;
    }
    Some(match labels.as_slice() {
        ["0", "1"] => "`\"0\" = \"no\"` and `\"1\" = \"yes\"`",
        ["1", "2", "3", "4", "5"] => "`\"1\" = \"terrible\"` to `\"5\" = \"great\"`",
        _ => "`\"1\" = \"first\"`",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(labels: &[&str]) -> Vec<LabelWord> {
        label_words(
            &labels.iter().zip(1..).map(|(&label, rows)| (label.to_owned(), rows)).collect(),
        )
    }

    #[test]
    fn label_words_are_plain_if_distinct() {
        let plain =
            |labels: &[&str]| words(labels).into_iter().map(|word| word.word).collect::<Vec<_>>();
        assert_eq!(plain(&["Account_Access", "Lost-Parcel"]), ["account access", "lost parcel"]);
        assert_eq!(plain(&["A_b", "a b"]), ["A_b", "a b"]);
    }

    #[test]
    fn spellings_of_a_label_are_found() {
        let found =
            words(&["shipping", "SHIPPING", "Shipping", "billing", "p\u{43e}s", "pos", "1.0", "1"]);
        let found: Vec<(&str, &[String])> =
            found.iter().map(|word| (word.label.as_str(), word.spellings.as_slice())).collect();
        let none: &[String] = &[];
        let shipping = ["SHIPPING".to_owned(), "shipping".to_owned()];
        assert_eq!(
            found,
            [
                ("1", none),
                ("Shipping", &shipping),
                ("billing", none),
                ("pos", &["p\u{43e}s".to_owned()])
            ]
        );
    }

    #[test]
    fn numbers_get_an_example_of_words() {
        assert!(example_words(&words(&["1.0", "0.0"])).unwrap().contains("yes"));
        assert_eq!(example_words(&words(&["1", "two"])), None);
        assert_eq!(example_words(&[]), None);
    }
}
