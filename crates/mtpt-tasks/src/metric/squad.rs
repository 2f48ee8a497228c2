//! Metrics of SQuAD, as in its evaluation scripts: version 1.1 (Rajpurkar et al. 2016, section 6.1)
//! and version 2.0 with questions without an answer (Rajpurkar et al. 2018).

use std::collections::HashMap;

/// Returns whether a text equals one of the references, ignoring case, punctuation, articles and
/// whitespace.
///
/// ```
/// use mtpt_tasks::metric::squad::exact_match;
///
/// assert!(exact_match("the Eiffel tower!", &["Eiffel Tower"]));
/// ```
pub fn exact_match<R: AsRef<str>>(prediction: &str, references: &[R]) -> bool {
    let prediction = normalized(prediction);
    references.iter().any(|reference| normalized(reference.as_ref()) == prediction)
}

/// Returns the word F1 with the best matching reference, from 0 to 1.
///
/// Words are counted with multiplicity, ignoring case, punctuation and articles. It is 0 without a
/// common word, also for two empty texts.
pub fn f1<R: AsRef<str>>(prediction: &str, references: &[R]) -> f64 {
    let prediction = normalized(prediction);
    let f1 = |reference: &R| f1_of_words(&prediction, &normalized(reference.as_ref()));
    references.iter().map(f1).fold(0.0, f64::max)
}

/// Returns whether a question has no answer in version 2.0: all its references are empty.
pub fn has_no_answer<R: AsRef<str>>(references: &[R]) -> bool {
    references.iter().all(|reference| reference.as_ref().trim().is_empty())
}

/// Returns [`exact_match`] of version 2.0: without an answer, an empty text is correct. References
/// without a word are ignored, and if none has one, the question counts as one without an answer.
pub fn exact_match_v2<R: AsRef<str>>(prediction: &str, references: &[R]) -> bool {
    match answers(references).as_slice() {
        [] => normalized(prediction).is_empty(),
        answers => exact_match(prediction, answers),
    }
}

/// Returns [`f1`] of version 2.0: without an answer it is 1 for an empty text and 0 for another.
pub fn f1_v2<R: AsRef<str>>(prediction: &str, references: &[R]) -> f64 {
    match answers(references).as_slice() {
        [] => f64::from(normalized(prediction).is_empty()),
        answers => f1(prediction, answers),
    }
}

/// Returns the references with a word.
fn answers<R: AsRef<str>>(references: &[R]) -> Vec<&str> {
    let texts = references.iter().map(AsRef::as_ref);
    texts.filter(|text| !normalized(text).is_empty()).collect()
}

fn f1_of_words(prediction: &str, reference: &str) -> f64 {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in reference.split(' ').filter(|word| !word.is_empty()) {
        *left.entry(word).or_default() += 1;
    }
    let expected: usize = left.values().sum();
    let (mut found, mut common) = (0, 0);
    for word in prediction.split(' ').filter(|word| !word.is_empty()) {
        found += 1;
        if let Some(count) = left.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    if common == 0 { 0.0 } else { 2.0 * common as f64 / (expected + found) as f64 }
}

/// Normalizes a text: lower case, no ASCII punctuation, no articles, single spaces.
pub(crate) fn normalized(text: &str) -> String {
    let text: String =
        text.to_lowercase().chars().filter(|character| !character.is_ascii_punctuation()).collect();
    // Articles are removed as whole words: maximal sequences of letters and digits.
    let mut without = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find(char::is_alphanumeric) {
        let end = rest[start..].find(|character: char| !character.is_alphanumeric());
        let end = end.map_or(rest.len(), |length| start + length);
        without.push_str(&rest[..start]);
        let word = &rest[start..end];
        without.push_str(if matches!(word, "a" | "an" | "the") { " " } else { word });
        rest = &rest[end..];
    }
    without.push_str(rest);
    without.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_articles_as_whole_words() {
        assert_eq!(normalized("The theory of  an Ant—a\tmodel."), "theory of ant— model");
        assert_eq!(normalized("A-Team, u.s."), "ateam us");
        assert_eq!(normalized(" the "), "");
    }

    #[test]
    fn uses_the_best_matching_reference() {
        let references = ["red and blue", "blue"];
        assert!(exact_match("Blue.", &references));
        assert!((f1("blue and green", &references) - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(f1("green", &references), 0.0);
        assert_eq!(f1("", &[""]), 0.0);
        assert!(exact_match("the", &[""]));
        assert_eq!(f1("blue", &[] as &[&str]), 0.0);
    }

    #[test]
    fn questions_without_an_answer_have_an_empty_text() {
        assert!(has_no_answer(&["", " "]) && !has_no_answer(&["the"]));
        for references in [&[""][..], &[], &["the", ""]] {
            assert_eq!((exact_match_v2("a.", references), f1_v2("", references)), (true, 1.0));
            assert_eq!((exact_match_v2("b", references), f1_v2("b", references)), (false, 0.0));
        }
        assert!(!exact_match_v2("", &["", "blue"]));
        assert_eq!((f1_v2("", &["", "blue"]), f1_v2("blue", &["", "blue"])), (0.0, 1.0));
    }
}
