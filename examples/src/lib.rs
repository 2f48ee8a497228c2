//! What the examples share: tasks that are made here and tasks on real files, the model they run on, how learned prompts answer, and how a program ends.

pub mod answering;
pub mod made_tasks;
pub mod model;
pub mod real_tasks;
pub mod terminal;

/// What ends an example: each says in one sentence what to do.
pub type Error = Box<dyn std::error::Error>;

/// `Result` with any error.
pub type Result<T, E = Error> = std::result::Result<T, E>;
