use mtpt_tasks::TaskTree;

use crate::error::Error;
use crate::init::error::InitError;

/// Names the levels of the tree in the error about a wrong number of them.
pub(crate) fn name_levels(error: mtpt_compose::Error, tree: &TaskTree) -> Error {
    let mtpt_compose::Error::Levels { expected, found } = error else { return error.into() };
    let deepest = tree.nodes().max_by_key(|node| node.depth());
    let path = deepest.map_or("", |node| node.path());
    let names = path.split('/').map(str::to_owned);
    let names = [String::from("root")].into_iter().chain(names).collect();
    InitError::Levels { expected, found, names }.into()
}
