use serde::{Deserialize, Serialize};

/// Number of trained numbers of a composition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterCount {
    /// Numbers that several tasks share: the prompt of all of them, pools, and the components of groups.
    pub shared: usize,
    /// Numbers of the tasks' own, of all tasks together.
    pub own: usize,
    /// Number of tasks.
    pub task_count: usize,
}

impl ParameterCount {
    /// Numbers of the whole composition.
    pub fn total(&self) -> usize {
        self.shared + self.own
    }

    /// Numbers for each task, the shared ones divided among them: the count that papers print for groups of tasks
    /// (Wang et al., 2023, table 1).
    pub fn per_task(&self) -> f64 {
        self.total() as f64 / self.task_count as f64
    }
}
