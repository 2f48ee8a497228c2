//! TF-IDF features of texts, as scikit-learn's `TfidfVectorizer(ngram_range=(1, 2))` computes them.

use std::collections::{BTreeMap, HashMap, HashSet};

/// Non-zero features of a text, sorted by index.
pub(super) type SparseRow = Vec<(usize, f64)>;

/// Converts texts to weights of words and pairs of adjacent words.
///
/// Words are lower-case runs of at least two letters, digits or underscores. The weight of an
/// n-gram is its count times `ln((1 + n) / (1 + df)) + 1`, where `df` of the `n` training texts
/// contain it; each text's weights have the Euclidean norm 1.
#[derive(Debug)]
pub(super) struct TfidfFeatures {
    /// Index and inverse document frequency of each n-gram.
    n_grams: HashMap<String, (usize, f64)>,
}

impl TfidfFeatures {
    /// Collects the n-grams of training texts, at most `limit` of them: those in the most texts,
    /// in alphabetical order if several are in as many.
    pub(super) fn new<'a>(texts: impl Iterator<Item = &'a str>, limit: usize) -> Self {
        let mut frequencies: HashMap<String, usize> = HashMap::new();
        let mut count = 0;
        for text in texts {
            count += 1;
            for n_gram in n_grams(text).into_iter().collect::<HashSet<_>>() {
                *frequencies.entry(n_gram).or_default() += 1;
            }
        }
        let mut frequencies: Vec<(String, usize)> = frequencies.into_iter().collect();
        frequencies.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        frequencies.truncate(limit);
        let weight = |frequency: usize| ((1 + count) as f64 / (1 + frequency) as f64).ln() + 1.0;
        let n_grams = frequencies.into_iter().enumerate();
        let n_grams = n_grams.map(|(index, (n_gram, df))| (n_gram, (index, weight(df))));
        Self { n_grams: n_grams.collect() }
    }

    /// Returns the number of features.
    pub(super) fn len(&self) -> usize {
        self.n_grams.len()
    }

    /// Returns the features of a text; n-grams that no training text contains are ignored.
    pub(super) fn of(&self, text: &str) -> SparseRow {
        let mut weights: BTreeMap<usize, f64> = BTreeMap::new();
        for n_gram in n_grams(text) {
            if let Some(&(index, weight)) = self.n_grams.get(&n_gram) {
                *weights.entry(index).or_default() += weight;
            }
        }
        let norm = weights.values().map(|weight| weight * weight).sum::<f64>().sqrt();
        weights.into_iter().map(|(index, weight)| (index, weight / norm)).collect()
    }
}

/// Returns the words and the pairs of adjacent words of a text.
fn n_grams(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let is_separator = |character: char| !(character.is_alphanumeric() || character == '_');
    let words: Vec<&str> =
        text.split(is_separator).filter(|word| word.chars().nth(1).is_some()).collect();
    let pairs = words.windows(2).map(|pair| pair.join(" "));
    words.iter().map(|&word| word.to_owned()).chain(pairs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_two_characters_and_pairs_skip_shorter_ones() {
        assert_eq!(n_grams("I am A Robot_2!"), ["am", "robot_2", "am robot_2"]);
        assert_eq!(n_grams("?! a"), Vec::<String>::new());
    }

    #[test]
    fn the_limit_keeps_frequent_n_grams() {
        let texts = ["blue sky", "blue sea", "deep blue"];
        let features = TfidfFeatures::new(texts.into_iter(), 2);
        assert_eq!(features.len(), 2);
        // `blue` is in all texts; of the others, `blue sea` is the first.
        assert_eq!(features.of("blue").len(), 1);
        assert_eq!(features.of("blue sea").len(), 2);
        assert_eq!(features.of("sky"), []);
    }
}
