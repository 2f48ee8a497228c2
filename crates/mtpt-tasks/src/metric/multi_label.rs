//! Metrics of rows with any number of labels, as in scikit-learn.
//!
//! The functions take pairs of the gold and the predicted labels of a row, each label once, and the
//! number of labels.

use crate::metric::classification::ratio;

/// Gold and predicted labels of a row.
pub type LabelSets = (Vec<usize>, Vec<usize>);

fn common((gold, predicted): &LabelSets) -> usize {
    gold.iter().filter(|label| predicted.contains(label)).count()
}

fn f1(hits: usize, gold: usize, predicted: usize) -> f64 {
    ratio(2.0 * hits as f64, (gold + predicted) as f64)
}

/// Returns the mean F1 of the rows; a row without gold and predicted labels counts 0.
pub fn sample_f1(rows: &[LabelSets]) -> f64 {
    let of_row = |row: &LabelSets| f1(common(row), row.0.len(), row.1.len());
    ratio(rows.iter().map(of_row).sum(), rows.len() as f64)
}

/// Returns the F1 of some labels, over all rows together; 0 if none of them occurs.
pub fn micro_f1(rows: &[LabelSets], counted: &[usize]) -> f64 {
    let is_counted = |label: &&usize| counted.contains(label);
    let (mut hits, mut gold, mut predicted) = (0, 0, 0);
    for (of_row, found) in rows {
        hits += of_row.iter().filter(is_counted).filter(|label| found.contains(label)).count();
        gold += of_row.iter().filter(is_counted).count();
        predicted += found.iter().filter(is_counted).count();
    }
    f1(hits, gold, predicted)
}

/// Returns the mean F1 of all labels; a label that does not occur counts 0.
pub fn macro_f1(rows: &[LabelSets], labels: usize) -> f64 {
    let of_label = |label: usize| micro_f1(rows, &[label]);
    ratio((0..labels).map(of_label).sum(), labels as f64)
}

/// Returns the fraction of rows whose labels are all correct.
pub fn subset_accuracy(rows: &[LabelSets]) -> f64 {
    let right = rows.iter().filter(|(gold, predicted)| gold == predicted).count();
    ratio(right as f64, rows.len() as f64)
}

/// Returns the fraction of correct decisions over all rows and labels, which is 1 minus the Hamming
/// loss.
pub fn hamming_score(rows: &[LabelSets], labels: usize) -> f64 {
    let wrong = |row: &LabelSets| row.0.len() + row.1.len() - 2 * common(row);
    let decisions = (rows.len() * labels) as f64;
    ratio(decisions - rows.iter().map(wrong).sum::<usize>() as f64, decisions)
}
