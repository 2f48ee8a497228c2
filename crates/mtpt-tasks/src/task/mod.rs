//! Tasks: their definition in TOML, its validation, and reading their rows.

mod check;
pub(crate) mod config;
pub(crate) mod error;
mod examples;
mod fetch;
pub(crate) mod file;
pub(crate) mod find;
pub(crate) mod id;
pub(crate) mod instance;
mod read;
pub(crate) mod task;
pub(crate) mod unlabeled;

pub use config::TaskConfig;
pub use error::TaskError;
pub use file::TaskFile;
pub use find::{TaskNameError, find_task};
pub use id::{InvalidTaskId, TaskId};
pub use instance::Instance;
pub use task::Task;
pub use unlabeled::Unlabeled;
