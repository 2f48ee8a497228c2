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
    /// Span corruption, see [`SpanCorruption`].
    SpanCorruption,
    /// Prefix language modeling, see [`PrefixLm`].
    PrefixLm,
}

/// Objective that turns a chunk of text into an input and a target.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum TextObjective {
    /// The target is spans that are masked in the input.
    SpanCorruption(SpanCorruption),
    /// The target continues the input.
    PrefixLm(PrefixLm),
}

impl TextObjective {
    /// Returns the maximum length of a chunk whose input and target fit the maximum lengths and the
    /// number of sentinels, or `None` if not even two tokens fit.
    pub fn max_text_length(&self, max_lengths: MaxLengths, sentinels: usize) -> Option<usize> {
        match self {
            Self::SpanCorruption(objective) => objective.max_text_length(max_lengths, sentinels),
            Self::PrefixLm(objective) => objective.max_text_length(max_lengths),
        }
    }

    /// Returns the input and target of a chunk: a pure function of the seed.
    ///
    /// # Panics
    ///
    /// If a chunk has more spans than there are sentinels.
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
