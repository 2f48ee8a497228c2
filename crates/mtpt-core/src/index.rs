use serde::{Deserialize, Serialize};

/// Position of a task among the tasks of a composition.
///
/// This crate doesn't know the names of tasks. The owner of the names maps them to positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskIndex(usize);

impl TaskIndex {
    /// Creates the index of the task at a position, counted from 0.
    pub const fn new(position: usize) -> Self {
        Self(position)
    }

    /// Returns the position, an index into a slice.
    pub const fn position(self) -> usize {
        self.0
    }
}

impl std::fmt::Display for TaskIndex {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)
    }
}
