//! Regression as in T5, where a score is a word (Raffel et al. 2020, section 2.4).

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::out_of_range::OutOfRange;

/// Maximum number of words of a scale, since all are ranked for each row.
const MAX_WORDS: f64 = 1_001.0;
/// Maximum number of decimals of a word.
const MAX_DIGITS: i32 = 6;

/// Maximum size of a score in units of its last decimal: 2⁵³, up to which `f64` has every integer.
const MAX_UNITS: f64 = 9_007_199_254_740_992.0;

/// The range of scores, and the step between their words.
///
/// | Key | Default | Range |
/// |---|---|---|
/// | `lowest` | 0 | |
/// | `highest` | 5 | above `lowest` |
/// | `step` | 0.2 | above 0; divides the range into at most 1,000 steps; at most six decimals |
///
/// The default is T5's scale for STS-B: the 26 words `0.0`, `0.2`, ..., `5.0`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scale {
    /// Lowest score.
    pub lowest: f64,
    /// Highest score.
    pub highest: f64,
    /// Distance of adjacent words.
    pub step: f64,
}

impl Default for Scale {
    fn default() -> Self {
        Self { lowest: 0.0, highest: 5.0, step: 0.2 }
    }
}

impl Scale {
    /// Checks that the steps divide the range.
    ///
    /// # Errors
    ///
    /// Returns [`OutOfRange`] with the invalid value.
    pub fn check(&self) -> Result<()> {
        let error = |option, expected, found| Err(OutOfRange { option, expected, found }.into());
        let Self { lowest, highest, step } = *self;
        if !lowest.is_finite() {
            return error("lowest", "to be finite", lowest);
        }
        if !(highest.is_finite() && highest > lowest) {
            return error("highest", "to be finite and above `lowest`", highest);
        }
        let steps = (highest - lowest) / step;
        if !(step > 0.0 && steps <= MAX_WORDS - 1.0 && is_whole(steps)) {
            let expected =
                "to divide the range from `lowest` to `highest` into at most 1,000 equal steps";
            return error("step", expected, step);
        }
        if self.digits() > MAX_DIGITS {
            let expected = "and `lowest` to have at most six decimals";
            return error("step", expected, step);
        }
        let largest = lowest.abs().max(highest.abs());
        if largest * 10_f64.powi(self.digits()) > MAX_UNITS {
            let expected = "and `highest` to be so small that all words of the scale differ";
            return error("lowest", expected, lowest);
        }
        Ok(())
    }

    /// Returns the words, the lowest first.
    pub fn words(&self) -> Vec<String> {
        (0..=self.last()).map(|position| self.spell(self.value(position))).collect()
    }

    /// Returns the index of the nearest word.
    ///
    /// Ties go to the even step, and the arithmetic is in single precision, as in T5's
    /// preprocessing: for STS-B, 2.5 becomes `2.4`, and 3.5 becomes `3.6`. Scores out of range go
    /// to the nearest end.
    ///
    /// ```
    /// use mtpt_tasks::labels::Scale;
    ///
    /// let scale = Scale::default();
    /// assert_eq!(scale.words()[scale.nearest(3.75)], "3.8");
    /// assert_eq!(scale.words()[scale.nearest(2.5)], "2.4");
    /// ```
    pub fn nearest(&self, score: f64) -> usize {
        // T5 multiplies by 5 instead of dividing by 0.2.
        let steps = (score - self.lowest) as f32 * self.step.recip() as f32;
        // The cast saturates: negative values and NaN become 0.
        (steps.round_ties_even() as usize).min(self.last())
    }

    /// Returns the score of the word at an index.
    pub fn value(&self, position: usize) -> f64 {
        // Integer units of the last digit make 3 * 0.2 equal to the value of `0.6`.
        let unit = 10_f64.powi(self.digits());
        let value = (self.lowest * unit).round() + position as f64 * (self.step * unit).round();
        value / unit
    }

    /// Formats a score with as many decimals as the words.
    pub(crate) fn spell(&self, score: f64) -> String {
        format!("{score:.*}", self.digits().max(0) as usize)
    }

    /// Returns whether a score is in the range.
    pub fn contains(&self, score: f64) -> bool {
        (self.lowest..=self.highest).contains(&score)
    }

    /// Returns the index of the highest word.
    fn last(&self) -> usize {
        ((self.highest - self.lowest) / self.step).round() as usize
    }

    /// Returns the number of decimals of the words.
    fn digits(&self) -> i32 {
        (0..=MAX_DIGITS)
            .find(|&digits| {
                let unit = 10_f64.powi(digits);
                is_whole(self.lowest * unit) && is_whole(self.step * unit)
            })
            .unwrap_or(MAX_DIGITS + 1)
    }
}

/// Returns whether a value is an integer up to rounding.
fn is_whole(number: f64) -> bool {
    (number - number.round()).abs() < 1e-6
}

/// Parses a score; `None` if the text is not a finite number.
pub fn parse_score(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|score: &f64| score.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_words_by_the_step() {
        let words = Scale::default().words();
        assert_eq!(words.len(), 26);
        assert_eq!(words[..4], ["0.0", "0.2", "0.4", "0.6"]);
        assert_eq!(words[24..], ["4.8", "5.0"]);
        let halves = Scale { lowest: -1.0, highest: 1.0, step: 0.5 };
        assert_eq!(halves.words(), ["-1.0", "-0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(Scale { lowest: 1.0, highest: 3.0, step: 1.0 }.words(), ["1", "2", "3"]);
        assert_eq!(
            Scale { lowest: 0.05, highest: 0.25, step: 0.1 }.words(),
            ["0.05", "0.15", "0.25"]
        );
        for scale in [Scale::default(), halves, Scale { lowest: 0.0, highest: 1.0, step: 0.001 }] {
            assert!(scale.check().is_ok());
            for (position, word) in scale.words().iter().enumerate() {
                assert_eq!(parse_score(word), Some(scale.value(position)));
                assert_eq!(scale.nearest(scale.value(position)), position);
            }
        }
    }

    #[test]
    fn rejects_invalid_scales() {
        let scale = |lowest, highest, step| {
            Scale { lowest, highest, step }.check().unwrap_err().to_string()
        };
        assert_eq!(scale(f64::NAN, 5.0, 0.2), "expected `lowest` to be finite, found NaN");
        assert_eq!(
            scale(0.0, 0.0, 0.2),
            "expected `highest` to be finite and above `lowest`, found 0"
        );
        for step in [0.0, -1.0, 0.3, 0.001, f64::NAN] {
            let message = scale(0.0, 5.0, step);
            assert!(message.starts_with("expected `step` to divide the range"), "{message}");
        }
        // Adjacent words of these would be equal.
        for (lowest, highest, step) in
            [(1e17, 1e17 + 16.0, 1.0), (-1e300, -1e300 / 2.0, 1e299), (1e13, 1e13 + 0.5, 0.0005)]
        {
            let message = scale(lowest, highest, step);
            assert!(message.starts_with("expected `lowest` and `highest` to be so"), "{message}");
        }
        let thirds = scale(0.0, 1.0, 1.0 / 3.0);
        assert!(thirds.contains("at most six decimals"), "{thirds}");
    }

    #[test]
    fn rejects_texts_that_are_not_numbers() {
        for text in ["", "positive", "nan", "inf", "3,8"] {
            assert_eq!(parse_score(text), None, "{text}");
        }
        assert_eq!(parse_score(" 3.80 "), Some(3.8));
    }

    #[test]
    fn clamps_scores_out_of_range() {
        assert_eq!([-1.0, 5.4, f64::NAN].map(|score| Scale::default().nearest(score)), [0, 25, 0]);
    }
}
