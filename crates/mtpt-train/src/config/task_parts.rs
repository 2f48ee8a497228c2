use serde::{Deserialize, Serialize};

/// Where the parts that tasks own begin, when prompts are gone on from ([`PromptConfig::start_from`](crate::PromptConfig)).
///
/// What all tasks share is taken over in any case, and so are the parts of groups of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskParts {
    /// At those of the task of the same name; those of a new task as a run begins.
    #[default]
    Own,
    /// As a run begins, whatever the names are.
    Fresh,
    /// At the mean of the parts of all known tasks at the same level, number by number: `AVERAGE_SOURCE_TASKS` of PEFT, and the
    /// start of a target in Wang et al. (2023). The part of a new group is the mean of the groups at its level.
    Average,
    /// At those of one known task: `task_parts = { task = "mnli" }`, `EXACT_SOURCE_TASK` of PEFT.
    Task(String),
}

impl TaskParts {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
