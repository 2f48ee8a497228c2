use std::borrow::Cow;

use crate::error::Result;
use crate::labels::gold::{Gold, Prediction};
use crate::metric::evaluation::Evaluation;
use crate::task::instance::Instance;
use crate::task::task::Task;

/// Labels of the rows of a split. The other lists have one entry per row, or none if they don't
/// apply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowLabels<'a> {
    /// The gold labels.
    pub gold: Cow<'a, [Gold]>,
    /// Reference texts, if labels are free text or any number of labels.
    pub references: Cow<'a, [Vec<String>]>,
    /// Groups of the rows, if a metric is over groups.
    pub groups: Cow<'a, [String]>,
}

impl RowLabels<'static> {
    /// Collects the labels of rows.
    pub fn of(rows: &[Instance]) -> Self {
        let mut labels = Self::default();
        rows.iter().for_each(|row| labels.push(row));
        labels
    }

    /// Adds a row.
    pub fn push(&mut self, row: &Instance) {
        self.gold.to_mut().push(row.gold);
        if !row.references.is_empty() {
            self.references.to_mut().push(row.references.clone());
        }
        if let Some(group) = &row.group {
            self.groups.to_mut().push(group.clone());
        }
    }
}

impl RowLabels<'_> {
    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.gold.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.gold.is_empty()
    }

    /// Evaluates one prediction per row by the metrics of the task.
    ///
    /// # Errors
    ///
    /// As [`Task::evaluate_in_groups`].
    pub fn evaluate(&self, task: &Task, predictions: &[Prediction]) -> Result<Evaluation> {
        if self.groups.is_empty() {
            task.evaluate(&self.gold, predictions)
        } else {
            task.evaluate_in_groups(&self.gold, predictions, &self.groups)
        }
    }

    /// Evaluates one generated text per row by the metrics of the task.
    ///
    /// # Errors
    ///
    /// As [`Task::evaluate_texts`].
    pub fn evaluate_texts(&self, task: &Task, texts: &[String]) -> Result<Evaluation> {
        task.evaluate_texts(&self.references, texts)
    }
}
