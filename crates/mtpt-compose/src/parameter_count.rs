use serde::{Deserialize, Serialize};

/// Number of trainable parameters of a composition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterCount {
    /// Parameters that several tasks share: the shared prompt, pools, and the parts of groups.
    pub shared: usize,
    /// Task-specific parameters of all tasks.
    pub task_specific: usize,
    /// Number of tasks.
    pub task_count: usize,
}

impl ParameterCount {
    /// Returns the number of parameters of the whole composition, at most [`usize::MAX`].
    pub fn total(&self) -> usize {
        self.shared.saturating_add(self.task_specific)
    }

    /// Returns the number of parameters per task, with the shared ones divided among the tasks, as
    /// reported in Wang et al. (2023), table 1.
    pub fn per_task(&self) -> f64 {
        self.total() as f64 / self.task_count as f64
    }
}
