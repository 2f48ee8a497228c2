use mtpt_compose::Tree;
use mtpt_tasks::{NodeIndex, TaskTree};

use crate::error::Result;

/// Converts a tree of task names to the composition's tree, which has the same node indices.
///
/// # Errors
///
/// When a composition cannot be built on the tree.
pub fn composed_tree(tree: &TaskTree) -> Result<Tree> {
    let tasks = tree.tasks_below(NodeIndex::ROOT).len();
    let line = |task| tree.path_to_task(task).into_iter().map(NodeIndex::position).collect();
    Ok(Tree::new((0..tasks).map(line).collect())?)
}
