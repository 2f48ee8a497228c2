use std::ops::Range;

use crate::error::Result;
use crate::task::id::TaskId;
use crate::tree::error::TreeError;

/// The groups and tasks that the names of tasks spell: every name is a path, every part of it a
/// node.
///
/// The root has no name and stands above all; inner nodes are groups, leaves are tasks. Nodes are
/// numbered from the root down, every group before what is below it, siblings in the order in which
/// the names first tell of them. So the numbers follow from the list of names alone, and what is
/// below a node is one range of numbers: within a program, a list with something for every node,
/// such as a component of prompts, needs no other key. Files must name nodes by their paths:
/// another task in the list moves the numbers of those after it.
///
/// ```
/// use mtpt_tasks::{TaskId, TaskTree};
///
/// let names = ["reviews/sentiment", "news", "reviews/subject"].map(|name| TaskId::new(name).unwrap());
/// let tree = TaskTree::new(&names)?;
/// let paths: Vec<&str> = tree.nodes().map(|node| node.path()).collect();
/// assert_eq!(paths, ["", "reviews", "reviews/sentiment", "reviews/subject", "news"]);
///
/// let reviews = tree.find("reviews").unwrap();
/// assert_eq!(tree.tasks_below(reviews), [0, 2]); // positions in the list of names
///
/// let line: Vec<&str> = tree.line_of_task(2).iter().map(|&node| tree.node(node).path()).collect();
/// assert_eq!(line, ["", "reviews", "reviews/subject"]);
/// # Ok::<(), mtpt_tasks::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskTree {
    nodes: Vec<Node>,
    /// Positions of the tasks in the list of names, in the order of their nodes.
    tasks: Vec<usize>,
    /// The node of each task, by its position in the list of names.
    leaves: Vec<NodeIndex>,
}

/// The number of a node of a [`TaskTree`], 0 for the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(usize);

impl NodeIndex {
    /// The root of every tree.
    pub const ROOT: Self = Self(0);

    /// The number, to find what belongs to the node in a list.
    pub fn position(self) -> usize {
        self.0
    }
}

/// The root, a group or a task of a [`TaskTree`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    index: NodeIndex,
    /// None for the root.
    id: Option<TaskId>,
    parent: Option<NodeIndex>,
    children: Vec<NodeIndex>,
    depth: usize,
    /// Position in the list of names, for a task.
    task: Option<usize>,
    /// Where the tasks at and below it stand among the tree's `tasks`.
    below: Range<usize>,
}

impl Node {
    /// Its number.
    pub fn index(&self) -> NodeIndex {
        self.index
    }

    /// The whole path, such as `reviews/sentiment`; empty for the root.
    pub fn path(&self) -> &str {
        self.id.as_ref().map_or("", TaskId::as_str)
    }

    /// The last part of the path; empty for the root.
    pub fn name(&self) -> &str {
        self.id.as_ref().map_or("", TaskId::leaf)
    }

    /// The node above; none for the root.
    pub fn parent(&self) -> Option<NodeIndex> {
        self.parent
    }

    /// The nodes right below, in the tree's order; none for a task.
    pub fn children(&self) -> &[NodeIndex] {
        &self.children
    }

    /// Number of parts of the path: 0 for the root.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The task's position in the list of names, if the node is a task.
    pub fn task(&self) -> Option<usize> {
        self.task
    }
}

/// A name and its position in the list.
type Named<'a> = (usize, &'a TaskId);

impl TaskTree {
    /// The tree of names. Of no name, it is a root alone.
    ///
    /// # Errors
    ///
    /// Returns [`TreeError::DuplicateTask`], or [`TreeError::TaskIsGroup`] for a name that is a
    /// proper prefix of another one.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a TaskId>) -> Result<Self> {
        let names: Vec<Named<'a>> = names.into_iter().enumerate().collect();
        let mut tree = Self {
            nodes: Vec::new(),
            tasks: Vec::with_capacity(names.len()),
            leaves: vec![NodeIndex::ROOT; names.len()],
        };
        tree.grow(None, None, &names)?;
        Ok(tree)
    }

    /// Adds the node of a path and all that is below it: the names that begin with the path.
    fn grow(
        &mut self,
        id: Option<TaskId>,
        parent: Option<NodeIndex>,
        names: &[Named<'_>],
    ) -> Result<NodeIndex> {
        let index = NodeIndex(self.nodes.len());
        let task = match &id {
            Some(id) => Self::task_of_path(id, names)?,
            None => None,
        };
        let depth = parent.map_or(0, |parent| self.node(parent).depth + 1);
        let first = self.tasks.len();
        let (children, below) = (Vec::new(), first..first);
        self.nodes.push(Node { index, id, parent, children, depth, task, below });
        if let Some(task) = task {
            self.tasks.push(task);
            self.leaves[task] = index;
        } else {
            for (path, names) in Self::by_next_segment(depth, names) {
                let child = self.grow(Some(path), Some(index), &names)?;
                self.nodes[index.0].children.push(child);
            }
        }
        self.nodes[index.0].below.end = self.tasks.len();
        Ok(index)
    }

    /// The position of the task whose name is the path: it must be the only name that begins with
    /// it.
    fn task_of_path(path: &TaskId, names: &[Named<'_>]) -> Result<Option<usize>> {
        let Some(&(task, _)) = names.iter().find(|(_, name)| *name == path) else {
            return Ok(None);
        };
        match names.iter().find(|(position, _)| *position != task) {
            None => Ok(Some(task)),
            Some((_, other)) if *other == path => {
                Err(TreeError::DuplicateTask { task: path.clone(), first_line: None }.into())
            }
            Some((_, other)) => {
                let (task, member) = (path.clone(), (*other).clone());
                Err(TreeError::TaskIsGroup { task, member }.into())
            }
        }
    }

    /// Longer paths by one segment, each with the names that begin with it, in the order of the
    /// first of these.
    fn by_next_segment<'a>(depth: usize, names: &[Named<'a>]) -> Vec<(TaskId, Vec<Named<'a>>)> {
        let mut parts: Vec<(TaskId, Vec<Named<'a>>)> = Vec::new();
        for &(position, name) in names {
            let path = name.first_segments(depth + 1);
            match parts.iter_mut().find(|(known, _)| *known == path) {
                Some((_, names)) => names.push((position, name)),
                None => parts.push((path, vec![(position, name)])),
            }
        }
        parts
    }

    /// All nodes, the root first, every node before those below it.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.nodes.iter()
    }

    /// A node by its number.
    ///
    /// # Panics
    ///
    /// If the number is that of another, larger tree.
    pub fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.0]
    }

    /// The root.
    pub fn root(&self) -> &Node {
        self.node(NodeIndex::ROOT)
    }

    /// The node of a path, where there is one.
    pub fn find(&self, path: &str) -> Option<NodeIndex> {
        self.nodes.iter().find(|node| node.path() == path).map(Node::index)
    }

    /// The node of a task, by the task's position in the list of names.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    pub fn node_of_task(&self, task: usize) -> NodeIndex {
        self.leaves[task]
    }

    /// The nodes from the root down to a task, by the task's position in the list of names: one for
    /// every level.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    pub fn line_of_task(&self, task: usize) -> Vec<NodeIndex> {
        let mut line = Vec::new();
        let mut at = Some(self.node_of_task(task));
        while let Some(index) = at {
            line.push(index);
            at = self.node(index).parent;
        }
        line.reverse();
        line
    }

    /// Positions, in the list of names, of the tasks at and below a node, in the tree's order.
    ///
    /// # Panics
    ///
    /// If the number is that of another, larger tree.
    pub fn tasks_below(&self, index: NodeIndex) -> &[usize] {
        &self.tasks[self.node(index).below.clone()]
    }
}
