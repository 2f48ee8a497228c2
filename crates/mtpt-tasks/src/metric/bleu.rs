//! Corpus BLEU (Papineni et al. 2002, "BLEU: a method for automatic evaluation of machine
//! translation"), with the defaults of sacrebleu: tokenizer `mteval-v13a`, n-grams up to length 4,
//! exponential smoothing.

use std::collections::HashMap;

/// Maximum n-gram length.
const MAX_ORDER: usize = 4;

/// Returns the BLEU of texts with any number of references each, from 0 to 1.
///
/// It is the geometric mean of the n-gram precisions over all texts, for n from 1 to 4, times the
/// brevity penalty. The reference length is that of the reference nearest in length. It is 0
/// without texts.
///
/// # Panics
///
/// If the numbers of texts and lists of references differ.
pub fn bleu<P: AsRef<str>, R: AsRef<str>>(predictions: &[P], references: &[Vec<R>]) -> f64 {
    assert_eq!(predictions.len(), references.len(), "one list of references per text");
    let (mut common, mut total) = ([0_usize; MAX_ORDER], [0_usize; MAX_ORDER]);
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
                for (n_gram, count) in n_grams(reference, order + 1) {
                    let known = most.entry(n_gram).or_default();
                    *known = count.max(*known);
                }
            }
            for (n_gram, count) in n_grams(&tokens, order + 1) {
                *total += count;
                *common += count.min(most.get(n_gram).copied().unwrap_or(0));
            }
        }
    }
    if common == [0; MAX_ORDER] {
        return 0.0;
    }
    let mut smoothing = 1.0;
    let mut log_precisions = 0.0;
    for (common, total) in common.into_iter().zip(total) {
        let precision = match (common, total) {
            // All texts are shorter than this n-gram.
            (_, 0) => return 0.0,
            (0, total) => {
                smoothing *= 2.0;
                1.0 / (smoothing * total as f64)
            }
            (common, total) => common as f64 / total as f64,
        };
        log_precisions += precision.ln();
    }
    let log_brevity_penalty = (1.0 - reference_length as f64 / length as f64).min(0.0);
    (log_brevity_penalty + log_precisions / MAX_ORDER as f64).exp()
}

/// Counts the n-grams of a length.
fn n_grams(tokens: &[String], length: usize) -> HashMap<&[String], usize> {
    let mut counts = HashMap::new();
    for n_gram in tokens.windows(length) {
        *counts.entry(n_gram).or_default() += 1;
    }
    counts
}

/// Tokenizes a text like `mteval-v13a.pl`: ASCII punctuation is separate tokens, except for a
/// period or comma within a number, an apostrophe, and a hyphen not after a digit.
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

/// Replaces pairs of adjacent characters, from left to right, without overlap.
fn pairs(
    text: &str,
    is_match: impl Fn(char, char) -> bool,
    spaced: impl Fn(char, char) -> [char; 4],
) -> String {
    let mut output = String::with_capacity(2 * text.len());
    let mut characters = text.chars().peekable();
    while let Some(first) = characters.next() {
        match characters.next_if(|&second| is_match(first, second)) {
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
    fn separates_punctuation_except_in_numbers() {
        let tokens = |text| tokens(text).join(" ");
        assert_eq!(tokens("It's 3.5 (or 1,000)..."), "It's 3.5 ( or 1,000 ) . . .");
        assert_eq!(
            tokens("a well-known 5-year &quot;plan&quot;"),
            "a well-known 5 - year \" plan \""
        );
        assert_eq!(tokens("so-\ncalled\nlines.<skipped>"), "socalled lines .");
    }

    #[test]
    fn is_zero_for_short_texts() {
        assert_eq!(bleu(&["one two three"], &[vec!["one two three"]]), 0.0);
        assert_eq!(bleu(&[] as &[&str], &[] as &[Vec<&str>]), 0.0);
        assert!((bleu(&["one two three four"], &[vec!["one two three four"]]) - 1.0).abs() < 1e-12);
    }
}
