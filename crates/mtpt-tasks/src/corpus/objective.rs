use serde::{Deserialize, Serialize};

use crate::batch::max_lengths::MaxLengths;
use crate::corpus::prefix_lm::PrefixLm;
use crate::corpus::span_corruption::SpanCorruption;
use crate::corpus::special_tokens::SpecialTokens;

/// Name of a [`TextObjective`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ObjectiveName {
    /// See [`SpanCorruption`].
    SpanCorruption,
    /// See [`PrefixLm`].
    PrefixLm,
}

/// What is made of a chunk of text, so that there is an input and a target.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum TextObjective {
    /// Spans are taken out and asked for.
    SpanCorruption(SpanCorruption),
    /// The rest is asked for.
    PrefixLm(PrefixLm),
}

impl TextObjective {
    /// Length of the longest chunk that fits the lengths and the number of sentinels; none, if
    /// there is not even one of two tokens.
    pub fn longest_text(&self, longest: MaxLengths, sentinels: usize) -> Option<usize> {
        match self {
            Self::SpanCorruption(objective) => objective.longest_text(longest, sentinels),
            Self::PrefixLm(objective) => objective.longest_text(longest),
        }
    }

    /// Input and target of a chunk: a pure function of the seed.
    ///
    /// # Panics
    ///
    /// When a chunk has more spans than there are sentinels.
    pub fn apply(
        &self,
        tokens: &[u32],
        special: &SpecialTokens,
        seed: u64,
    ) -> (Vec<u32>, Vec<u32>) {
        match self {
            Self::SpanCorruption(objective) => objective.corrupt(tokens, special, seed),
            Self::PrefixLm(objective) => objective.divide(tokens, special.end_of_sentence, seed),
        }
    }
}
