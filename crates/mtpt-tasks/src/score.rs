//! Regression in T5's way: a score is a word (Raffel et al. 2020, section 2.4).

/// Lowest score.
pub const MINIMUM: f64 = 0.0;
/// Highest score.
pub const MAXIMUM: f64 = 5.0;
/// Steps between two whole scores: words are 0.2 apart.
const STEPS_PER_UNIT: u32 = 5;

/// The 26 words that a score can be: `0.0`, `0.2`, ..., `5.0`.
pub fn words() -> Vec<String> {
    (0..=5 * STEPS_PER_UNIT).map(word).collect()
}

/// The position of the nearest word among [`words`].
///
/// Halfway cases go to the even step and the arithmetic is in single precision, as in T5's own preprocessing, so that
/// targets are those that T5 has seen: 2.5 becomes `2.4`, and 3.5 becomes `3.6`. Scores out of range go to the
/// nearest end.
///
/// ```
/// use mtpt_tasks::score;
///
/// assert_eq!(score::words()[score::nearest(3.75)], "3.8");
/// assert_eq!(score::words()[score::nearest(2.5)], "2.4");
/// ```
pub fn nearest(score: f64) -> usize {
    let step = (score as f32 * STEPS_PER_UNIT as f32).round_ties_even();
    // Saturates: a negative number or none becomes 0.
    (step as usize).min(5 * STEPS_PER_UNIT as usize)
}

/// The score of the word at a position among [`words`].
pub fn value(position: usize) -> f64 {
    position as f64 / f64::from(STEPS_PER_UNIT)
}

/// The score that a text says, or none if it says no number.
pub fn parse(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|score: &f64| score.is_finite())
}

fn word(step: u32) -> String {
    format!("{:.1}", f64::from(step) / f64::from(STEPS_PER_UNIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_a_fifth_apart() {
        let words = words();
        assert_eq!(words.len(), 26);
        assert_eq!(words[..4], ["0.0", "0.2", "0.4", "0.6"]);
        assert_eq!(words[24..], ["4.8", "5.0"]);
        for (position, word) in words.iter().enumerate() {
            assert_eq!(parse(word), Some(value(position)));
            assert_eq!(nearest(value(position)), position);
        }
    }

    #[test]
    fn texts_that_are_no_number_have_no_score() {
        for text in ["", "positive", "nan", "inf", "3,8"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(" 3.80 "), Some(3.8));
    }

    #[test]
    fn scores_out_of_range_go_to_an_end() {
        assert_eq!([nearest(-1.0), nearest(5.4), nearest(f64::NAN)], [0, 25, 0]);
    }
}
