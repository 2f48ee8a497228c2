use serde::{Deserialize, Serialize};

/// Number of trained numbers of a composition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterCount {
    /// Numbers that all tasks share.
    pub shared: usize,
    /// Numbers of each task's own.
    pub task: usize,
}

impl ParameterCount {
    /// Numbers of the whole composition.
    pub fn total(&self, task_count: usize) -> usize {
        self.shared + self.task * task_count
    }

    /// Numbers for each task, the shared ones divided among them: the count that papers print for groups of tasks
    /// (Wang et al., 2023, table 1).
    pub fn per_task(&self, task_count: usize) -> f64 {
        self.shared as f64 / task_count as f64 + self.task as f64
    }
}
