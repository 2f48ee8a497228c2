use mtpt_core::TaskIndex;

use crate::candidates::Candidates;

/// A tokenized row, ready for prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub(crate) task: TaskIndex,
    pub(crate) input_ids: Vec<u32>,
    pub(crate) is_truncated: bool,
    /// Texts and tokens of the row's own candidates, if its task has candidates per row.
    pub(crate) choices: Option<(Vec<String>, Candidates)>,
}

impl Query {
    /// Returns the task.
    pub fn task(&self) -> TaskIndex {
        self.task
    }

    /// Returns the tokens of the input.
    pub fn input_ids(&self) -> &[u32] {
        &self.input_ids
    }

    /// Returns whether the input exceeded the maximum length and was truncated.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }
}
