use mtpt_core::TaskIndex;

/// A part of a composition that has its own initial values, besides the shared prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartId {
    /// The part of a task.
    Task(TaskIndex),
    /// The part of the tree's root or of a group, by its node.
    Node(usize),
    /// A prompt that attention mixes, counted from 0.
    Component(usize),
}

impl std::fmt::Display for PartId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Task(task) => write!(formatter, "task {task}"),
            Self::Node(node) => write!(formatter, "node {node}"),
            Self::Component(component) => write!(formatter, "component {component}"),
        }
    }
}
