use serde::{Deserialize, Serialize};

use crate::batch::max_lengths::MaxLengths;
use crate::sampling::permutation::{below, hash};

/// Prefix language modelling: a text is split in two, the first part is the input and the rest the
/// target (Raffel et al. 2020, section 3.3.1).
///
/// It is what makes a model that only ever filled in spans ("T5 1.1") ready for prompts: "LM
/// adaptation" in Lester et al. 2021, section 3.2.
///
/// ```
/// use mtpt_tasks::corpus::PrefixLm;
///
/// assert_eq!(PrefixLm.divide(&[5, 6], 1, 7), (vec![5, 1], vec![6, 1]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixLm;

impl PrefixLm {
    /// Length of the longest text of which no part can be too long, ends of sentence included;
    /// none, if there is not even one of two tokens.
    pub fn longest_text(self, longest: MaxLengths) -> Option<usize> {
        // Each part may have all tokens but one, and its end of sentence.
        Some(longest.input.min(longest.target)).filter(|&length| length >= 2)
    }

    /// Tokens of the prefix of a text of a length: each number from 1 on that leaves at least one
    /// is equally likely. A text of less than two tokens is its own prefix.
    pub fn split(self, length: usize, seed: u64) -> usize {
        if length < 2 { length } else { 1 + below(hash(seed, []), length - 1) }
    }

    /// Input and target of a text, each with its end of sentence: a pure function of the seed.
    pub fn divide(self, tokens: &[u32], end_of_sentence: u32, seed: u64) -> (Vec<u32>, Vec<u32>) {
        let (prefix, rest) = tokens.split_at(self.split(tokens.len(), seed));
        let ended = |part: &[u32]| part.iter().copied().chain([end_of_sentence]).collect();
        (ended(prefix), ended(rest))
    }
}
