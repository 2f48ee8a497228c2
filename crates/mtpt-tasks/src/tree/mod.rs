//! The tree of groups and tasks.

pub(crate) mod error;
pub(crate) mod groups;
pub(crate) mod tree;

pub use error::TreeError;
pub use tree::{Node, NodeIndex, TaskTree};
