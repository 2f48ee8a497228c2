use serde::{Deserialize, Serialize};

/// The row of a task in a composition: its place among the tasks that a composition was made for.
///
/// Names of tasks are not known here; whoever owns the names keeps the map from a name to its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskIndex(u32);

impl TaskIndex {
    /// The task at a position, counted from 0.
    pub fn new(position: u32) -> Self {
        Self(position)
    }

    /// The position as an index into a slice.
    pub fn position(self) -> usize {
        self.0 as usize
    }
}

impl From<TaskIndex> for u32 {
    fn from(index: TaskIndex) -> Self {
        index.0
    }
}

impl std::fmt::Display for TaskIndex {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)
    }
}
