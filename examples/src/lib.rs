//! Code shared by the examples: generated and real tasks, the model, tables of results, and the end
//! of a program.

pub mod made_tasks;
pub mod model;
pub mod real_tasks;
pub mod spread;
pub mod terminal;
pub mod written_table;

/// An error of an example: one sentence that names the fix.
pub type Error = Box<dyn std::error::Error>;

/// `Result` with any error.
pub type Result<T, E = Error> = std::result::Result<T, E>;
