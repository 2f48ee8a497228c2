//! ROUGE (Lin 2004, "ROUGE: A package for automatic evaluation of summaries"), as in the package
//! `rouge_score`, without stemming.
//!
//! Words are sequences of the letters `a` to `z`, in either case, and of digits: ROUGE is for
//! English.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// Returns the F1 of the n-grams that a text shares with a reference, with their counts.
///
/// # Panics
///
/// If `n` is 0.
pub fn rouge_n(prediction: &str, reference: &str, n: usize) -> f64 {
    let (prediction, reference) = (words(prediction), words(reference));
    let (found, expected) = (counts(prediction.windows(n)), counts(reference.windows(n)));
    let common: usize =
        expected.iter().map(|(n_gram, count)| *count.min(found.get(n_gram).unwrap_or(&0))).sum();
    f1(common, found.values().sum(), expected.values().sum())
}

/// Returns the F1 of the longest common subsequence of words.
pub fn rouge_l(prediction: &str, reference: &str) -> f64 {
    let (prediction, reference) = (words(prediction), words(reference));
    let common = common_positions(&reference, &prediction).len();
    f1(common, prediction.len(), reference.len())
}

/// Returns ROUGE-Lsum: the F1 of the words in a longest common subsequence of any two sentences,
/// one per line. Each word counts as often as both texts have it.
pub fn rouge_lsum(prediction: &str, reference: &str) -> f64 {
    let sentences = |text: &str| {
        text.split('\n').filter(|line| !line.is_empty()).map(words).collect::<Vec<_>>()
    };
    let (prediction, reference) = (sentences(prediction), sentences(reference));
    let mut left = counts(prediction.iter().flatten());
    let (found, expected) = (left.values().sum(), reference.iter().map(Vec::len).sum());
    let mut left_of_reference = counts(reference.iter().flatten());
    let mut common = 0;
    for sentence in &reference {
        let union: BTreeSet<usize> =
            prediction.iter().flat_map(|other| common_positions(sentence, other)).collect();
        for position in union {
            let word = &sentence[position];
            let both = (left.get_mut(word), left_of_reference.get_mut(word));
            if let (Some(here), Some(there)) = both
                && *here > 0
                && *there > 0
            {
                *here -= 1;
                *there -= 1;
                common += 1;
            }
        }
    }
    f1(common, found, expected)
}

/// Returns the words in lower case.
fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn counts<T: Eq + Hash>(items: impl Iterator<Item = T>) -> HashMap<T, usize> {
    let mut counts = HashMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

/// Returns the positions of a longest common subsequence; of several, the one found first from the
/// end.
fn common_positions(text: &[String], other: &[String]) -> Vec<usize> {
    let width = other.len() + 1;
    let mut longest = vec![0_usize; (text.len() + 1) * width];
    for (row, word) in text.iter().enumerate() {
        for (column, against) in other.iter().enumerate() {
            longest[(row + 1) * width + column + 1] = if word == against {
                longest[row * width + column] + 1
            } else {
                longest[row * width + column + 1].max(longest[(row + 1) * width + column])
            };
        }
    }
    let (mut row, mut column) = (text.len(), other.len());
    let mut positions = Vec::new();
    while row > 0 && column > 0 {
        if text[row - 1] == other[column - 1] {
            (row, column) = (row - 1, column - 1);
            positions.push(row);
        } else if longest[row * width + column - 1] > longest[(row - 1) * width + column] {
            column -= 1;
        } else {
            row -= 1;
        }
    }
    positions
}

/// Returns the F1 of the common items; 0 for none.
fn f1(common: usize, found: usize, expected: usize) -> f64 {
    if common == 0 { 0.0 } else { 2.0 * common as f64 / (found + expected) as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_n_grams_with_multiplicity() {
        assert!((rouge_n("the the cat", "the cat sat", 1) - 2.0 / 3.0).abs() < 1e-12);
        assert!((rouge_n("the the cat", "The CAT sat", 2) - 0.5).abs() < 1e-12);
        assert_eq!(rouge_n("one", "one", 2), 0.0);
        assert_eq!(rouge_l("", "one"), 0.0);
    }

    #[test]
    fn compares_sentences_by_common_subsequences() {
        assert!(
            (rouge_l("police kill the gunman", "police killed the gunman") - 0.75).abs() < 1e-12
        );
        // Both words are common line by line, but not in one sequence.
        assert_eq!(rouge_lsum("b\na", "a\nb"), 1.0);
        assert!((rouge_l("b\na", "a\nb") - 0.5).abs() < 1e-12);
    }
}
