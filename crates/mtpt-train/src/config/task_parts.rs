use serde::{Deserialize, Serialize};

/// Initial values of task-specific parameters when a run starts from trained prompts
/// ([`PromptConfig::start_from`](crate::PromptConfig)).
///
/// Shared parameters, and those of groups of the same name, always start from the trained values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskParts {
    /// The values of the task of the same name. A new task is initialized as in a new run.
    #[default]
    #[serde(rename = "own")]
    SameName,
    /// Initialized as in a new run, whatever the names are.
    Fresh,
    /// The elementwise mean over all trained tasks at the same level: `AVERAGE_SOURCE_TASKS` of
    /// PEFT, and the initialization of targets in Wang et al. (2023). A new group is initialized
    /// from the mean of the groups at its level.
    Average,
    /// The values of one trained task: `task_parts = { task = "mnli" }`, `EXACT_SOURCE_TASK` of
    /// PEFT.
    Task(String),
}

impl TaskParts {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
