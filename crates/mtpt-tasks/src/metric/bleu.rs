//! BLEU of a whole corpus (Papineni et al. 2002, "BLEU: a method for automatic evaluation of
//! machine translation"), as sacrebleu computes it by default: the tokens of `mteval-v13a`, up to
//! four of them in a run, exponential smoothing.

use std::collections::HashMap;

/// Maximum n-gram length.
const LONGEST: usize = 4;

/// BLEU from 0 to 1 of texts that each have any number of references.
///
/// The mean is that of the logarithms of four shares: of the runs of one to four tokens of all
/// texts together that stand in a reference. Texts that are shorter than the references nearest to
/// them in length are marked down for it. 0 for no text.
///
/// # Panics
///
/// When there are more or fewer lists of references than texts.
pub fn bleu<P: AsRef<str>, R: AsRef<str>>(predictions: &[P], references: &[Vec<R>]) -> f64 {
    assert_eq!(predictions.len(), references.len(), "references for each text");
    let (mut common, mut total) = ([0_usize; LONGEST], [0_usize; LONGEST]);
    let (mut length, mut reference_length) = (0, 0);
    for (prediction, references) in predictions.iter().zip(references) {
        let tokens = tokens(prediction.as_ref());
        let references: Vec<Vec<String>> =
            references.iter().map(|reference| self::tokens(reference.as_ref())).collect();
        length += tokens.len();
        let nearest = references.iter().map(Vec::len);
        let nearest = nearest.min_by_key(|&other| (other.abs_diff(tokens.len()), other));
        reference_length += nearest.unwrap_or(0);
        for (order, (common, total)) in common.iter_mut().zip(&mut total).enumerate() {
            let mut most: HashMap<&[String], usize> = HashMap::new();
            for reference in &references {
                for (run, count) in runs(reference, order + 1) {
                    let known = most.entry(run).or_default();
                    *known = count.max(*known);
                }
            }
            for (run, count) in runs(&tokens, order + 1) {
                *total += count;
                *common += count.min(most.get(run).copied().unwrap_or(0));
            }
        }
    }
    if common == [0; LONGEST] {
        return 0.0;
    }
    let mut smoothing = 1.0;
    let mut logarithms = 0.0;
    for (common, total) in common.into_iter().zip(total) {
        let share = match (common, total) {
            // All texts are shorter than this n-gram.
            (_, 0) => return 0.0,
            (0, total) => {
                smoothing *= 2.0;
                1.0 / (smoothing * total as f64)
            }
            (common, total) => common as f64 / total as f64,
        };
        logarithms += share.ln();
    }
    let shortness = (1.0 - reference_length as f64 / length as f64).min(0.0);
    (shortness + logarithms / LONGEST as f64).exp()
}

/// Counts the n-grams of a length.
fn runs(tokens: &[String], length: usize) -> HashMap<&[String], usize> {
    let mut counts = HashMap::new();
    for run in tokens.windows(length) {
        *counts.entry(run).or_default() += 1;
    }
    counts
}

/// The tokens of a text as `mteval-v13a.pl` makes them: signs of ASCII stand alone, but for a point
/// or comma within a number, an apostrophe, and a hyphen that follows no digit.
fn tokens(text: &str) -> Vec<String> {
    let mut text = text.trim_end().replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    if text.contains('&') {
        for (escaped, sign) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
            text = text.replace(escaped, sign);
        }
    }
    let mut spaced = String::with_capacity(2 * text.len() + 2);
    spaced.push(' ');
    for character in text.chars() {
        match character {
            ' ' | '!'..='&' | '('..='+' | ':'..='@' | '/' | '['..='`' | '{'..='~' => {
                spaced.extend([' ', character, ' ']);
            }
            _ => spaced.push(character),
        }
    }
    spaced.push(' ');
    let point = |character: char| matches!(character, '.' | ',');
    let digit = |character: char| character.is_ascii_digit();
    let spaced = pairs(&spaced, |a, b| !digit(a) && point(b), |a, b| [a, ' ', b, ' ']);
    let spaced = pairs(&spaced, |a, b| point(a) && !digit(b), |a, b| [' ', a, ' ', b]);
    let spaced = pairs(&spaced, |a, b| digit(a) && b == '-', |a, b| [a, ' ', b, ' ']);
    spaced.split_whitespace().map(str::to_owned).collect()
}

/// A text in which pairs of neighbouring characters are replaced, from left to right, none of them
/// twice.
fn pairs(
    text: &str,
    is_one: impl Fn(char, char) -> bool,
    spaced: impl Fn(char, char) -> [char; 4],
) -> String {
    let mut output = String::with_capacity(2 * text.len());
    let mut characters = text.chars().peekable();
    while let Some(first) = characters.next() {
        match characters.next_if(|&second| is_one(first, second)) {
            Some(second) => output.extend(spaced(first, second)),
            None => output.push(first),
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_stand_alone_but_within_numbers() {
        let tokens = |text| tokens(text).join(" ");
        assert_eq!(tokens("It's 3.5 (or 1,000)..."), "It's 3.5 ( or 1,000 ) . . .");
        assert_eq!(
            tokens("a well-known 5-year &quot;plan&quot;"),
            "a well-known 5 - year \" plan \""
        );
        assert_eq!(tokens("so-\ncalled\nlines.<skipped>"), "socalled lines .");
    }

    #[test]
    fn too_short_texts_have_none() {
        assert_eq!(bleu(&["one two three"], &[vec!["one two three"]]), 0.0);
        assert_eq!(bleu(&[] as &[&str], &[] as &[Vec<&str>]), 0.0);
        assert!((bleu(&["one two three four"], &[vec!["one two three four"]]) - 1.0).abs() < 1e-12);
    }
}
