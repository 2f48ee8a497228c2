use serde::{Deserialize, Serialize};

use crate::batch::max_lengths::MaxLengths;
use crate::sampling::permutation::{below, hash};

/// Prefix language modeling: a text is split in two; the first part is the input, the rest is the
/// target (Raffel et al. 2020, section 3.3.1).
///
/// It prepares a model that was trained only by span corruption ("T5 1.1") for prompts. Lester et
/// al. 2021, section 3.2, call this "LM adaptation".
///
/// ```
/// use mtpt_tasks::corpus::PrefixLm;
///
/// assert_eq!(PrefixLm.divide(&[5, 6], 1, 7), (vec![5, 1], vec![6, 1]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixLm;

impl PrefixLm {
    /// Returns the maximum length of a text of which each part fits its maximum length, end of
    /// sentence included, or `None` if not even two tokens fit.
    pub fn max_text_length(self, max_lengths: MaxLengths) -> Option<usize> {
        // Each part has at most all tokens except one, and the end of sentence.
        Some(max_lengths.input.min(max_lengths.target)).filter(|&length| length >= 2)
    }

    /// Returns the number of tokens in the prefix of a text.
    ///
    /// Each number that leaves both parts at least one token is equally likely. A text of less than
    /// two tokens is its own prefix.
    pub fn split(self, length: usize, seed: u64) -> usize {
        if length < 2 { length } else { 1 + below(hash(seed, []), length - 1) }
    }

    /// Returns the prefix and the rest of a text, each with an end of sentence: a pure function of
    /// the seed.
    pub fn divide(self, tokens: &[u32], end_of_sentence: u32, seed: u64) -> (Vec<u32>, Vec<u32>) {
        let (prefix, rest) = tokens.split_at(self.split(tokens.len(), seed));
        let ended = |part: &[u32]| part.iter().copied().chain([end_of_sentence]).collect();
        (ended(prefix), ended(rest))
    }
}
