//! Precision, recall and F1 of each class, and the confusion matrix.

use crate::metric::classification::ratio;
use crate::metric::multi_label::LabelSets;

/// Numbers of rows of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCounts {
    /// Rows of the class.
    pub gold: usize,
    /// Rows predicted as the class.
    pub predicted: usize,
    /// Rows of the class that are predicted as it.
    pub hits: usize,
}

impl ClassCounts {
    /// Returns the precision; 0 if no row is predicted as the class.
    pub fn precision(&self) -> f64 {
        ratio(self.hits as f64, self.predicted as f64)
    }

    /// Returns the recall; 0 if no row is of the class.
    pub fn recall(&self) -> f64 {
        ratio(self.hits as f64, self.gold as f64)
    }

    /// Returns the F1; 0 if the class does not occur.
    pub fn f1(&self) -> f64 {
        ratio(2.0 * self.hits as f64, (self.gold + self.predicted) as f64)
    }
}

/// Counts the rows of each of `classes` classes. Other classes, such as that of an unknown
/// prediction, are not counted.
pub fn per_class(pairs: &[(usize, usize)], classes: usize) -> Vec<ClassCounts> {
    let mut counts = vec![ClassCounts::default(); classes];
    for &(gold, predicted) in pairs {
        if let Some(class) = counts.get_mut(gold) {
            class.gold += 1;
            class.hits += usize::from(gold == predicted);
        }
        if let Some(class) = counts.get_mut(predicted) {
            class.predicted += 1;
        }
    }
    counts
}

/// Counts the rows of each of `labels` labels, for rows with any number of labels, each once.
pub fn per_label(rows: &[LabelSets], labels: usize) -> Vec<ClassCounts> {
    let mut counts = vec![ClassCounts::default(); labels];
    for (gold, predicted) in rows {
        for &label in gold {
            if let Some(class) = counts.get_mut(label) {
                class.gold += 1;
                class.hits += usize::from(predicted.contains(&label));
            }
        }
        for &label in predicted {
            if let Some(class) = counts.get_mut(label) {
                class.predicted += 1;
            }
        }
    }
    counts
}

/// Returns the number of rows for each gold class (rows) and predicted class (columns), for
/// classes below `classes`.
pub fn confusion_matrix(pairs: &[(usize, usize)], classes: usize) -> Vec<Vec<usize>> {
    let mut matrix = vec![vec![0; classes]; classes];
    for &(gold, predicted) in pairs {
        if let Some(cell) = matrix.get_mut(gold).and_then(|row| row.get_mut(predicted)) {
            *cell += 1;
        }
    }
    matrix
}
