use std::collections::HashMap;
use std::ops::Range;

use crate::error::Result;
use crate::task::id::TaskId;
use crate::tree::error::TreeError;

/// Tree of the groups and tasks in task names: each name is a path, and each prefix of it is a
/// node.
///
/// The root has an empty path, inner nodes are groups, and leaves are tasks. Nodes are numbered in
/// depth-first order, siblings in the order of their first task in the list of names. So the
/// numbers follow from the list of names alone, the tasks below a node are contiguous, and a list
/// with one entry per node, such as prompt components, needs no other key. Files must refer to
/// nodes by path: another task in the list changes the numbers of the nodes after it.
///
/// ```
/// use mtpt_tasks::{TaskId, TaskTree};
///
/// let names = ["reviews/sentiment", "news", "reviews/subject"];
/// let names = names.map(|name| TaskId::new(name).unwrap());
/// let tree = TaskTree::new(&names)?;
/// let paths: Vec<&str> = tree.nodes().map(|node| node.path()).collect();
/// assert_eq!(paths, ["", "reviews", "reviews/sentiment", "reviews/subject", "news"]);
///
/// let reviews = tree.find("reviews").unwrap();
/// assert_eq!(tree.tasks_below(reviews), [0, 2]); // positions in the list of names
///
/// let path = tree.path_to_task(2);
/// let path: Vec<&str> = path.iter().map(|&node| tree.node(node).path()).collect();
/// assert_eq!(path, ["", "reviews", "reviews/subject"]);
/// # Ok::<(), mtpt_tasks::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskTree {
    nodes: Vec<Node>,
    /// Position of each task in the list of names, in the order of nodes.
    tasks: Vec<usize>,
    /// Node of each task, by its position in the list of names.
    leaves: Vec<NodeIndex>,
}

/// Index of a node in a [`TaskTree`]; 0 is the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(usize);

impl NodeIndex {
    /// Index of the root of every tree.
    pub const ROOT: Self = Self(0);

    /// Returns the index as a number, for lists with one entry per node.
    pub fn position(self) -> usize {
        self.0
    }
}

/// Node of a [`TaskTree`]: the root, a group or a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    index: NodeIndex,
    /// Path, `None` for the root.
    id: Option<TaskId>,
    parent: Option<NodeIndex>,
    children: Vec<NodeIndex>,
    depth: usize,
    /// Position in the list of names, `None` for a group.
    task: Option<usize>,
    /// Range of the node's tasks in the tree's `tasks`.
    below: Range<usize>,
}

impl Node {
    /// Returns the index of the node.
    pub fn index(&self) -> NodeIndex {
        self.index
    }

    /// Returns the path, such as `reviews/sentiment`; empty for the root.
    pub fn path(&self) -> &str {
        self.id.as_ref().map_or("", TaskId::as_str)
    }

    /// Returns the last segment of the path; empty for the root.
    pub fn name(&self) -> &str {
        self.id.as_ref().map_or("", TaskId::leaf)
    }

    /// Returns the parent, or `None` for the root.
    pub fn parent(&self) -> Option<NodeIndex> {
        self.parent
    }

    /// Returns the children, in the order of the tree; none for a task.
    pub fn children(&self) -> &[NodeIndex] {
        &self.children
    }

    /// Returns the number of segments of the path; 0 for the root.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Returns the position of the task in the list of names, or `None` for a group.
    pub fn task(&self) -> Option<usize> {
        self.task
    }
}

/// A name and its position in the list.
type Named<'a> = (usize, &'a TaskId);

impl TaskTree {
    /// Creates the tree of task names. Without names, it is the root alone.
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

    /// Adds the node of a path, and those below it from the names that start with the path.
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

    /// Returns the position of the task with this path; no other name may start with it.
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

    /// Groups names by their path with one more segment, in the order of first occurrence.
    fn by_next_segment<'a>(depth: usize, names: &[Named<'a>]) -> Vec<(TaskId, Vec<Named<'a>>)> {
        let mut parts: Vec<(TaskId, Vec<Named<'a>>)> = Vec::new();
        let mut places: HashMap<TaskId, usize> = HashMap::new();
        for &(position, name) in names {
            let path = name.first_segments(depth + 1);
            let place = *places.entry(path.clone()).or_insert_with(|| {
                parts.push((path, Vec::new()));
                parts.len() - 1
            });
            parts[place].1.push((position, name));
        }
        parts
    }

    /// Returns all nodes in depth-first order, the root first.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.nodes.iter()
    }

    /// Returns a node.
    ///
    /// # Panics
    ///
    /// If the index belongs to another, larger tree.
    pub fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.0]
    }

    /// Returns the root.
    pub fn root(&self) -> &Node {
        self.node(NodeIndex::ROOT)
    }

    /// Returns the node of a path, if there is one.
    pub fn find(&self, path: &str) -> Option<NodeIndex> {
        self.nodes.iter().find(|node| node.path() == path).map(Node::index)
    }

    /// Returns the node of the task at a position in the list of names.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    pub fn node_of_task(&self, task: usize) -> NodeIndex {
        self.leaves[task]
    }

    /// Returns the nodes from the root to the task at a position in the list of names, one per
    /// level.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    pub fn path_to_task(&self, task: usize) -> Vec<NodeIndex> {
        let mut path = Vec::new();
        let mut at = Some(self.node_of_task(task));
        while let Some(index) = at {
            path.push(index);
            at = self.node(index).parent;
        }
        path.reverse();
        path
    }

    /// Returns the positions in the list of names of the tasks at and below a node, in the order of
    /// the tree.
    ///
    /// # Panics
    ///
    /// If the index belongs to another, larger tree.
    pub fn tasks_below(&self, index: NodeIndex) -> &[usize] {
        &self.tasks[self.node(index).below.clone()]
    }
}
