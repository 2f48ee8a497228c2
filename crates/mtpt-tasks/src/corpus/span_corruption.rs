use serde::{Deserialize, Serialize};

use crate::batch::max_lengths::MaxLengths;
use crate::corpus::special_tokens::SpecialTokens;
use crate::error::Result;
use crate::out_of_range::OutOfRange;
use crate::sampling::permutation::{below, hash};

/// Span corruption: each masked span of a text is replaced by a sentinel, and the target is the
/// spans, each after its sentinel (Raffel et al. 2020, sections 3.1.4 and 3.3.4).
///
/// In a text of `n` tokens, `round(n * noise_density)` tokens are masked, at least one and never
/// all. They form `round(masked / mean_span_length)` spans, at least one and at most the number of
/// unmasked tokens. Halves are rounded to even. All divisions of the masked and of the unmasked
/// tokens into this many runs are equally likely. The runs alternate, starting with an unmasked
/// one. So two sentinels are never adjacent, the target needs no final sentinel, and a text with a
/// single span is masked at its end.
///
/// ```
/// use mtpt_tasks::corpus::{SpanCorruption, SpecialTokens};
///
/// let special = SpecialTokens { end_of_sentence: 1, sentinels: vec![99, 98] };
/// let (input, target) = SpanCorruption::default().corrupt(&[5, 6], &special, 7);
/// assert_eq!((input, target), (vec![5, 99, 1], vec![99, 6, 1]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanCorruption {
    /// Fraction of the tokens that are masked, above 0 and below 1.
    pub noise_density: f64,
    /// Mean number of tokens of a span, at least 1.
    pub mean_span_length: f64,
}

/// The values that T5 was trained with.
impl Default for SpanCorruption {
    fn default() -> Self {
        Self { noise_density: 0.15, mean_span_length: 3.0 }
    }
}

/// Domains of hashes, so that the two kinds of runs share no random numbers.
const FOR_MASKED: u64 = 1;
const FOR_UNMASKED: u64 = 2;

impl SpanCorruption {
    /// Checks the options.
    ///
    /// # Errors
    ///
    /// Returns [`OutOfRange`] with the option.
    pub fn check(&self) -> Result<()> {
        let Self { noise_density, mean_span_length } = *self;
        if !(noise_density > 0.0 && noise_density < 1.0) {
            let (option, expected) = ("noise_density", "to be above 0 and below 1");
            return Err(OutOfRange { option, expected, found: noise_density }.into());
        }
        if !(mean_span_length.is_finite() && mean_span_length >= 1.0) {
            let (option, expected) = ("mean_span_length", "to be at least 1 and finite");
            return Err(OutOfRange { option, expected, found: mean_span_length }.into());
        }
        Ok(())
    }

    /// Returns the numbers of masked tokens and of spans in a text; both are 0 for less than two
    /// tokens.
    pub fn counts(&self, length: usize) -> (usize, usize) {
        if length < 2 {
            return (0, 0);
        }
        let masked = (length as f64 * self.noise_density).round_ties_even() as usize;
        let masked = masked.clamp(1, length - 1);
        let spans = (masked as f64 / self.mean_span_length).round_ties_even() as usize;
        (masked, spans.clamp(1, length - masked))
    }

    /// Returns the lengths of the input and target of a text, ends of sentence included. They
    /// increase with the length of the text.
    ///
    /// ```
    /// use mtpt_tasks::MaxLengths;
    /// use mtpt_tasks::corpus::SpanCorruption;
    ///
    /// // The lengths in T5's pretraining.
    /// let lengths = SpanCorruption::default().lengths(568);
    /// assert_eq!(lengths, MaxLengths { input: 512, target: 114 });
    /// ```
    pub fn lengths(&self, length: usize) -> MaxLengths {
        let (masked, spans) = self.counts(length);
        let with = |tokens: usize| tokens.saturating_add(spans).saturating_add(1);
        MaxLengths { input: with(length - masked), target: with(masked) }
    }

    /// Returns the maximum length of a text whose input and target fit the maximum lengths and that
    /// has a sentinel for each span, or `None` if not even two tokens fit.
    ///
    /// ```
    /// use mtpt_tasks::MaxLengths;
    /// use mtpt_tasks::corpus::SpanCorruption;
    ///
    /// let max_lengths = MaxLengths { input: 512, target: 114 };
    /// assert_eq!(SpanCorruption::default().max_text_length(max_lengths, 100), Some(568));
    /// ```
    pub fn max_text_length(&self, max_lengths: MaxLengths, sentinels: usize) -> Option<usize> {
        let fits = |length: usize| {
            let lengths = self.lengths(length);
            lengths.input <= max_lengths.input
                && lengths.target <= max_lengths.target
                && self.counts(length).1 <= sentinels
        };
        // A text as long as input and target together doesn't fit: they contain all its tokens, and
        // the sentinels.
        let bound = max_lengths.input.saturating_add(max_lengths.target);
        // Binary search: all three increase with the length of the text.
        let (mut fitting, mut beyond) = (2, bound.max(3));
        if !fits(fitting) {
            return None;
        }
        while beyond - fitting > 1 {
            let middle = fitting + (beyond - fitting) / 2;
            if fits(middle) {
                fitting = middle;
            } else {
                beyond = middle;
            }
        }
        Some(fitting)
    }

    /// Returns for each token of a text whether it is masked: a pure function of the seed.
    pub fn mask(&self, length: usize, seed: u64) -> Vec<bool> {
        let (masked, spans) = self.counts(length);
        if spans == 0 {
            return vec![false; length];
        }
        let unmasked_runs = runs(length - masked, spans, hash(seed, [FOR_UNMASKED]));
        let masked_runs = runs(masked, spans, hash(seed, [FOR_MASKED]));
        let mut mask = Vec::with_capacity(length);
        for (unmasked, masked) in unmasked_runs.into_iter().zip(masked_runs) {
            mask.resize(mask.len() + unmasked, false);
            mask.resize(mask.len() + masked, true);
        }
        mask
    }

    /// Returns the input and target of a text, each with an end of sentence: a pure function of the
    /// seed.
    ///
    /// A text of less than two tokens is not masked, and its target is the end of sentence alone.
    ///
    /// # Panics
    ///
    /// If there are fewer sentinels than spans, see [`max_text_length`](Self::max_text_length).
    pub fn corrupt(
        &self,
        tokens: &[u32],
        special: &SpecialTokens,
        seed: u64,
    ) -> (Vec<u32>, Vec<u32>) {
        let mask = self.mask(tokens.len(), seed);
        let lengths = self.lengths(tokens.len());
        let mut input = Vec::with_capacity(lengths.input);
        let mut target = Vec::with_capacity(lengths.target);
        let mut sentinels = special.sentinels.iter();
        let mut was_masked = false;
        for (&token, masked) in tokens.iter().zip(mask) {
            if masked && !was_masked {
                let sentinel = *sentinels.next().expect("a sentinel for each span");
                input.push(sentinel);
                target.push(sentinel);
            }
            if masked { &mut target } else { &mut input }.push(token);
            was_masked = masked;
        }
        input.push(special.end_of_sentence);
        target.push(special.end_of_sentence);
        (input, target)
    }
}

/// Divides items into runs of at least one item each and returns their lengths. All divisions are
/// equally likely.
fn runs(items: usize, runs: usize, seed: u64) -> Vec<usize> {
    // A division is a choice of positions between items where a new run starts. They are chosen by
    // selection sampling (Knuth, "Seminumerical Algorithms", section 3.4.2, algorithm S).
    let mut remaining = runs - 1;
    let mut lengths = Vec::with_capacity(runs);
    let mut length = 1;
    for position in 1..items {
        if below(hash(seed, [position as u64]), items - position) < remaining {
            lengths.push(length);
            length = 0;
            remaining -= 1;
        }
        length += 1;
    }
    lengths.push(length);
    lengths
}
