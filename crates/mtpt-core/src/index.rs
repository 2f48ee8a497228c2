use serde::{Deserialize, Serialize};

/// The row of a task in a composition: its place among the tasks that a composition was made for.
///
/// Names of tasks are not known here; whoever owns the names keeps the map from a name to its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskIndex(usize);

impl TaskIndex {
    /// The task at a position, counted from 0.
    pub const fn new(position: usize) -> Self {
        Self(position)
    }

    /// The position as an index into a slice.
    pub const fn position(self) -> usize {
        self.0
    }
}

impl std::fmt::Display for TaskIndex {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)
    }
}
