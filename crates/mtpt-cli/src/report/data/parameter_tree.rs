use std::collections::BTreeMap;

use mtpt::compose::CompositionConfig;
use mtpt::infer::{PromptHeader, Prompts};
use mtpt::tasks::TaskTree;

use crate::error::Result;
use crate::report::data::strategy_words::{level_strategy, strategy_words};

/// The task tree with the number of parameters of each node.
#[derive(Debug, PartialEq)]
pub(crate) struct ParameterTree {
    /// Nodes from the root down: a node is followed by the nodes below it.
    pub(crate) nodes: Vec<ParameterNode>,
}

/// A node of a [`ParameterTree`].
#[derive(Debug, PartialEq)]
pub(crate) struct ParameterNode {
    pub(crate) name: String,
    pub(crate) depth: usize,
    pub(crate) kind: NodeKind,
    /// Composition of the node's prompt, in words.
    pub(crate) strategy: String,
    pub(crate) parameters: usize,
}

/// The tasks that use the parameters of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// All tasks.
    Shared,
    /// The tasks of a group.
    Group,
    /// One task.
    Task,
}

impl NodeKind {
    pub(crate) const ALL: [Self; 3] = [Self::Shared, Self::Group, Self::Task];
}

/// Part of a composition that a parameter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Shared,
    /// The pool of a level.
    Pool,
    Node(usize),
    Task(usize),
}

impl ParameterTree {
    /// Counts the parameters of prompts.
    pub(crate) fn new(prompts: &Prompts) -> Result<Self> {
        let mut counts: BTreeMap<Owner, usize> = BTreeMap::new();
        for (name, values) in prompts.tensors() {
            *counts.entry(owner(&name)).or_default() += values.num_elements();
        }
        let header = prompts.header();
        let nodes = match &header.composition {
            CompositionConfig::Hierarchy(_) => hierarchy(header, &counts)?,
            _ => flat(header, &counts),
        };
        Ok(Self { nodes })
    }

    /// Returns the number of parameters of all nodes of a kind.
    pub(crate) fn total(&self, kind: NodeKind) -> usize {
        let of_kind = self.nodes.iter().filter(|node| node.kind == kind);
        of_kind.map(|node| node.parameters).sum()
    }

    /// Returns the number of parameters of all nodes.
    pub(crate) fn sum(&self) -> usize {
        NodeKind::ALL.into_iter().map(|kind| self.total(kind)).sum()
    }
}

fn owner(name: &str) -> Owner {
    let mut segments = name.split('.');
    let first = segments.next().unwrap_or_default();
    let number = segments.next().and_then(|number| number.parse().ok());
    match (first, number) {
        ("tasks", Some(task)) => Owner::Task(task),
        ("nodes", Some(node)) => Owner::Node(node),
        ("pool" | "pools" | "components" | "down" | "up" | "gamma" | "beta", _) => Owner::Pool,
        _ => Owner::Shared,
    }
}

fn flat(header: &PromptHeader, counts: &BTreeMap<Owner, usize>) -> Vec<ParameterNode> {
    let count = |owner| counts.get(&owner).copied().unwrap_or(0);
    let (shared, pool) = (count(Owner::Shared), pool_node(count(Owner::Pool)));
    let mut nodes = Vec::new();
    match pool {
        // Without a shared prompt, the pool is the root.
        Some(pool) if shared == 0 => nodes.push(ParameterNode { depth: 0, ..pool }),
        _ => {
            nodes.push(shared_node("shared prompt", shared));
            nodes.extend(pool);
        }
    }
    if nodes[0].parameters == 0 {
        "nothing is shared".clone_into(&mut nodes[0].strategy);
    }
    for (position, task) in header.tasks.iter().enumerate() {
        nodes.push(ParameterNode {
            name: task.name.to_string(),
            depth: 1,
            kind: NodeKind::Task,
            strategy: strategy_words(&header.composition, "shared prompt"),
            parameters: count(Owner::Task(position)),
        });
    }
    nodes
}

fn hierarchy(header: &PromptHeader, counts: &BTreeMap<Owner, usize>) -> Result<Vec<ParameterNode>> {
    let CompositionConfig::Hierarchy(config) = &header.composition else { return Ok(Vec::new()) };
    let tree = TaskTree::new(header.tasks.iter().map(|task| &task.name))?;
    let count = |owner| counts.get(&owner).copied().unwrap_or(0);
    let mut nodes = Vec::new();
    for node in tree.nodes() {
        let parameters = count(Owner::Node(node.index().position()));
        if node.depth() == 0 {
            nodes.push(shared_node("root", parameters + count(Owner::Shared)));
            nodes.extend(pool_node(count(Owner::Pool)));
            continue;
        }
        let parent = if node.depth() == 1 { "root's prompt" } else { "group's prompt" };
        nodes.push(ParameterNode {
            name: node.path().to_owned(),
            depth: node.depth(),
            kind: if node.task().is_some() { NodeKind::Task } else { NodeKind::Group },
            strategy: strategy_words(&level_strategy(config, node.depth()), parent),
            parameters,
        });
    }
    Ok(nodes)
}

fn shared_node(name: &str, parameters: usize) -> ParameterNode {
    ParameterNode {
        name: name.to_owned(),
        depth: 0,
        kind: NodeKind::Shared,
        strategy: "used by all tasks".to_owned(),
        parameters,
    }
}

fn pool_node(parameters: usize) -> Option<ParameterNode> {
    let name = "pool of prompts and projections".to_owned();
    let strategy = "mixed by attention, used by all tasks".to_owned();
    let kind = NodeKind::Shared;
    (parameters > 0).then_some(ParameterNode { name, depth: 1, kind, strategy, parameters })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_belong_to_nodes() {
        assert_eq!(owner("shared"), Owner::Shared);
        assert_eq!(owner("tasks.1"), Owner::Task(1));
        assert_eq!(owner("tasks.10.left"), Owner::Task(10));
        assert_eq!(owner("nodes.2.right"), Owner::Node(2));
        assert_eq!(owner("pools.0.key"), Owner::Pool);
        assert_eq!(owner("components"), Owner::Pool);
        assert_eq!(owner("gamma"), Owner::Pool);
    }
}
