use serde::{Deserialize, Serialize};

use crate::batch::max_lengths::MaxLengths;
use crate::corpus::special_tokens::SpecialTokens;
use crate::error::Result;
use crate::out_of_range::OutOfRange;
use crate::sampling::permutation::{below, hash};

/// Span corruption: spans of a text are taken out, each leaves a sentinel in its place, and the
/// target is the spans, each behind its sentinel (Raffel et al. 2020, sections 3.1.4 and 3.3.4).
///
/// A text of `n` tokens loses `round(n * noise_density)` of them, at least one and never all, in
/// `round(lost / mean_span_length)` spans, at least one and no more than there are tokens left.
/// Among all ways of dividing the lost and the kept tokens into that many runs, all are equally
/// likely. Kept and lost runs take turns, a kept one first: so no two sentinels stand side by side,
/// and the target needs no sentinel at its end. It follows that a text so short that it has one
/// span loses its end. Halves are rounded to the even neighbour.
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
    /// Share of the tokens that are lost, above 0 and below 1.
    pub noise_density: f64,
    /// Tokens of a span on average, at least 1.
    pub mean_span_length: f64,
}

/// The numbers that T5 was trained with.
impl Default for SpanCorruption {
    fn default() -> Self {
        Self { noise_density: 0.15, mean_span_length: 3.0 }
    }
}

/// What a seed is used for.
const FOR_LOST: u64 = 1;
const FOR_KEPT: u64 = 2;

impl SpanCorruption {
    /// Checks the numbers.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`], naming the number.
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

    /// Number of tokens that a text of a length loses, and number of spans; none of a text of less
    /// than two tokens.
    pub fn counts(&self, length: usize) -> (usize, usize) {
        if length < 2 {
            return (0, 0);
        }
        let lost = (length as f64 * self.noise_density).round_ties_even() as usize;
        let lost = lost.clamp(1, length - 1);
        let spans = (lost as f64 / self.mean_span_length).round_ties_even() as usize;
        (lost, spans.clamp(1, length - lost))
    }

    /// Length of input and target of a text of a length, ends of sentence included. A shorter text
    /// has no longer ones.
    ///
    /// ```
    /// use mtpt_tasks::MaxLengths;
    /// use mtpt_tasks::corpus::SpanCorruption;
    ///
    /// // T5's own numbers.
    /// let lengths = SpanCorruption::default().lengths(568);
    /// assert_eq!(lengths, MaxLengths { input: 512, target: 114 });
    /// ```
    pub fn lengths(&self, length: usize) -> MaxLengths {
        let (lost, spans) = self.counts(length);
        let with = |tokens: usize| tokens.saturating_add(spans).saturating_add(1);
        MaxLengths { input: with(length - lost), target: with(lost) }
    }

    /// Length of the longest text whose input and target are not too long and that has a sentinel
    /// for each span; none, if there is not even one of two tokens.
    ///
    /// ```
    /// use mtpt_tasks::MaxLengths;
    /// use mtpt_tasks::corpus::SpanCorruption;
    ///
    /// let longest = MaxLengths { input: 512, target: 114 };
    /// assert_eq!(SpanCorruption::default().longest_text(longest, 100), Some(568));
    /// ```
    pub fn longest_text(&self, longest: MaxLengths, sentinels: usize) -> Option<usize> {
        let fits = |length: usize| {
            let lengths = self.lengths(length);
            lengths.input <= longest.input
                && lengths.target <= longest.target
                && self.counts(length).1 <= sentinels
        };
        // No text as long as input and target together fits: all its tokens must stand in one of
        // them.
        let bound = longest.input.saturating_add(longest.target);
        // All three grow with the text, so that what fits comes before what does not.
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

    /// Which tokens of a text of a length are lost: a pure function of the seed.
    pub fn mask(&self, length: usize, seed: u64) -> Vec<bool> {
        let (lost, spans) = self.counts(length);
        if spans == 0 {
            return vec![false; length];
        }
        let kept_runs = runs(length - lost, spans, hash(seed, [FOR_KEPT]));
        let lost_runs = runs(lost, spans, hash(seed, [FOR_LOST]));
        let mut mask = Vec::with_capacity(length);
        for (kept, lost) in kept_runs.into_iter().zip(lost_runs) {
            mask.resize(mask.len() + kept, false);
            mask.resize(mask.len() + lost, true);
        }
        mask
    }

    /// Input and target of a text, each with its end of sentence: a pure function of the seed.
    ///
    /// A text of less than two tokens loses nothing, and its target is the end of sentence alone.
    ///
    /// # Panics
    ///
    /// When there are fewer sentinels than spans: see [`longest_text`](Self::longest_text).
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
        let mut before = false;
        for (&token, lost) in tokens.iter().zip(mask) {
            if lost && !before {
                let sentinel = *sentinels.next().expect("a sentinel for each span");
                input.push(sentinel);
                target.push(sentinel);
            }
            if lost { &mut target } else { &mut input }.push(token);
            before = lost;
        }
        input.push(special.end_of_sentence);
        target.push(special.end_of_sentence);
        (input, target)
    }
}

/// Lengths of runs that divide items among them, at least one item each, every division as likely
/// as any other.
fn runs(items: usize, runs: usize, seed: u64) -> Vec<usize> {
    // A division is a choice of places between items where a new run begins. Each place is taken
    // with the probability of those still wanted among those still left (Knuth, "Seminumerical
    // algorithms", 3.4.2, algorithm S).
    let mut wanted = runs - 1;
    let mut lengths = Vec::with_capacity(runs);
    let mut length = 1;
    for place in 1..items {
        if below(hash(seed, [place as u64]), items - place) < wanted {
            lengths.push(length);
            length = 0;
            wanted -= 1;
        }
        length += 1;
    }
    lengths.push(length);
    lengths
}
