use mtpt_compose::Tree;
use mtpt_tasks::{NodeIndex, TaskTree};

use crate::error::Result;

/// The tree of tasks as a composition knows it: numbers without names, those of the tree's nodes.
pub fn composed_tree(tree: &TaskTree) -> Result<Tree> {
    let tasks = tree.tasks_below(NodeIndex::ROOT).len();
    let line = |task| tree.line_of_task(task).into_iter().map(NodeIndex::position).collect();
    Ok(Tree::new((0..tasks).map(line).collect())?)
}
