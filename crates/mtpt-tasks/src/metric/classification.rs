//! Metrics of classes.

use std::collections::HashMap;

/// Returns the fraction of pairs (gold, predicted) that agree; 0 for no pairs.
pub fn accuracy(pairs: &[(usize, usize)]) -> f64 {
    let right = pairs.iter().filter(|(gold, predicted)| gold == predicted).count();
    ratio(right as f64, pairs.len() as f64)
}

/// Returns the F1 of one class over pairs (gold, predicted), from 0 to 1; 0 if the class does not
/// occur.
pub fn f1(pairs: &[(usize, usize)], positive: usize) -> f64 {
    let hits = pairs.iter().filter(|&&pair| pair == (positive, positive)).count();
    let gold = pairs.iter().filter(|(gold, _)| *gold == positive).count();
    let predicted = pairs.iter().filter(|(_, predicted)| *predicted == positive).count();
    ratio(2.0 * hits as f64, (gold + predicted) as f64)
}

/// Returns the fraction of groups in which all pairs (gold, predicted) agree; 0 for no pairs.
/// `groups` is the group of each pair.
///
/// # Panics
///
/// If the number of groups differs from the number of pairs.
pub fn group_exact_match(pairs: &[(usize, usize)], groups: &[usize]) -> f64 {
    assert_eq!(pairs.len(), groups.len(), "a group for each pair");
    let mut all_right: HashMap<usize, bool> = HashMap::new();
    for ((gold, predicted), &group) in pairs.iter().zip(groups) {
        *all_right.entry(group).or_insert(true) &= gold == predicted;
    }
    let right = all_right.values().filter(|&&right| right).count();
    ratio(right as f64, all_right.len() as f64)
}

/// Returns the mean of [`f1`] over the classes that occur, as gold or predicted; 0 for no pairs.
///
/// These are scikit-learn's default classes. A prediction that is not a label word is a class of
/// its own, with an F1 of 0.
pub fn macro_f1(pairs: &[(usize, usize)]) -> f64 {
    let classes = classes(pairs);
    ratio(classes.iter().map(|&class| f1(pairs, class)).sum(), classes.len() as f64)
}

/// Returns the micro-averaged F1 of some classes over pairs (gold, predicted), from 0 to 1; 0 if
/// none of the classes occurs.
///
/// It equals scikit-learn's `f1_score` with `average="micro"` and `labels`. Over all classes that
/// occur it is the [`accuracy`].
pub fn micro_f1(pairs: &[(usize, usize)], counted: &[usize]) -> f64 {
    let counts = |class: usize| counted.contains(&class);
    let hits = pairs.iter().filter(|(gold, predicted)| gold == predicted && counts(*gold)).count();
    let gold = pairs.iter().filter(|(gold, _)| counts(*gold)).count();
    let predicted = pairs.iter().filter(|(_, predicted)| counts(*predicted)).count();
    ratio(2.0 * hits as f64, (gold + predicted) as f64)
}

/// Returns the Matthews correlation of pairs (gold, predicted), for any number of classes.
///
/// It is the K-category statistic of Gorodkin (2004, "Comparing two K-category assignments by a
/// K-category correlation coefficient"), which for two classes is that of Matthews (1975). From -1
/// to 1; 0 if undefined, as for a constant prediction.
pub fn matthews(pairs: &[(usize, usize)]) -> f64 {
    let rows = pairs.len() as f64;
    let right = pairs.iter().filter(|(gold, predicted)| gold == predicted).count() as f64;
    let (mut both, mut gold_squares, mut predicted_squares) = (0.0, 0.0, 0.0);
    for class in classes(pairs) {
        let gold = pairs.iter().filter(|pair| pair.0 == class).count() as f64;
        let predicted = pairs.iter().filter(|pair| pair.1 == class).count() as f64;
        both += gold * predicted;
        gold_squares += gold * gold;
        predicted_squares += predicted * predicted;
    }
    // All values are integers, so the differences are exact below 2^53.
    let spread = (rows * rows - gold_squares) * (rows * rows - predicted_squares);
    ratio(right * rows - both, spread.sqrt())
}

fn classes(pairs: &[(usize, usize)]) -> Vec<usize> {
    let mut classes: Vec<usize> =
        pairs.iter().flat_map(|&(gold, predicted)| [gold, predicted]).collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// Returns a quotient, or 0 if it is undefined.
pub(crate) fn ratio(part: f64, whole: f64) -> f64 {
    let ratio = part / whole;
    if ratio.is_finite() { ratio } else { 0.0 }
}
