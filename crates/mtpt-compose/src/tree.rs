use mtpt_core::TaskIndex;

use crate::error::{Error, Result};

/// A tree whose leaves are the tasks, stored as each task's path of nodes from the root.
///
/// Nodes are numbers, 0 for the root. This crate doesn't know the names of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Nodes from the root down to each task.
    paths: Vec<Vec<usize>>,
    /// Number of ancestors of each node.
    depths: Vec<usize>,
    /// Parent of each node; `None` for the root.
    parents: Vec<Option<usize>>,
    /// Task of each leaf; `None` for the root and groups.
    tasks: Vec<Option<TaskIndex>>,
}

impl Tree {
    /// Creates a tree of tasks directly below the root.
    pub fn flat(task_count: usize) -> Self {
        Self {
            paths: (1..=task_count).map(|node| vec![0, node]).collect(),
            depths: (0..=task_count).map(|node| node.min(1)).collect(),
            parents: (0..=task_count).map(|node| (node > 0).then_some(0)).collect(),
            tasks: [None]
                .into_iter()
                .chain((0..task_count).map(|task| Some(TaskIndex::new(task))))
                .collect(),
        }
    }

    /// Creates a tree from one path per task: the nodes from the root, 0, down to the task's node.
    ///
    /// # Errors
    ///
    /// [`Error::Tree`] when a path doesn't start at the root, a node has two parents or is its own
    /// ancestor, two tasks share a node, a task is below another, or a node number is missing.
    pub fn new(paths: Vec<Vec<usize>>) -> Result<Self> {
        let invalid = |problem: String| Err(Error::Tree { problem });
        if paths.is_empty() {
            return Ok(Self::flat(0));
        }
        let highest = paths.iter().flatten().copied().max().unwrap_or(0);
        // Every node is on a path, which bounds the number of nodes.
        let most = 1 + paths.iter().map(Vec::len).sum::<usize>();
        if highest >= most {
            return invalid(format!(
                "node {highest} is not below {most}, the maximum number of nodes"
            ));
        }
        let mut known_parents: Vec<Option<Option<usize>>> = vec![None; highest + 1];
        known_parents[0] = Some(None);
        let mut depths = vec![0; highest + 1];
        for (task, path) in paths.iter().enumerate() {
            let [0, _, ..] = path.as_slice() else {
                return invalid(format!(
                    "the path of task {task} must lead from the root, 0, to the task, found {path:?}"
                ));
            };
            for (depth, pair) in (1..).zip(path.windows(2)) {
                let (parent, node) = (pair[0], pair[1]);
                if path[..depth].contains(&node) {
                    return invalid(format!("node {node} is its own ancestor: {path:?}"));
                }
                match known_parents[node] {
                    None => known_parents[node] = Some(Some(parent)),
                    Some(known) if known == Some(parent) => {}
                    Some(_) => return invalid(format!("node {node} has two parents")),
                }
                depths[node] = depth;
            }
        }
        let mut parents = Vec::with_capacity(known_parents.len());
        let mut is_group = vec![false; known_parents.len()];
        for (node, known) in known_parents.into_iter().enumerate() {
            let Some(parent) = known else {
                return invalid(format!("node {node} is on no task's path"));
            };
            if let Some(parent) = parent {
                is_group[parent] = true;
            }
            parents.push(parent);
        }
        let mut leaves: Vec<usize> = paths.iter().filter_map(|path| path.last().copied()).collect();
        if let Some(&node) = leaves.iter().find(|&&leaf| is_group[leaf]) {
            return invalid(format!("node {node} is a task, but has a child"));
        }
        let mut tasks = vec![None; parents.len()];
        for (task, &leaf) in (0..).map(TaskIndex::new).zip(&leaves) {
            tasks[leaf] = Some(task);
        }
        leaves.sort_unstable();
        if let Some(pair) = leaves.windows(2).find(|pair| pair[0] == pair[1]) {
            return invalid(format!("node {} belongs to two tasks", pair[0]));
        }
        Ok(Self { paths, depths, parents, tasks })
    }

    /// Returns the number of tasks.
    pub fn task_count(&self) -> usize {
        self.paths.len()
    }

    /// Returns the number of nodes: the root, groups and tasks.
    pub fn node_count(&self) -> usize {
        self.depths.len()
    }

    /// Returns the number of levels: 1 for a root without tasks, 2 for tasks directly below it.
    pub fn levels(&self) -> usize {
        self.depths.iter().max().map_or(1, |depth| depth + 1)
    }

    /// Returns the depth of each node; the root has depth 0.
    pub fn depths(&self) -> &[usize] {
        &self.depths
    }

    /// Returns the nodes from the root down to a task.
    ///
    /// # Panics
    ///
    /// When the task is not below [`task_count`](Self::task_count).
    pub fn path(&self, task: TaskIndex) -> &[usize] {
        &self.paths[task.position()]
    }

    /// Iterates over the tasks.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = TaskIndex> + use<> {
        (0..self.paths.len()).map(TaskIndex::new)
    }

    /// Returns the task of a node, or `None` for the root and groups.
    pub(crate) fn task_at(&self, node: usize) -> Option<TaskIndex> {
        self.tasks[node]
    }

    /// Returns the parent of a node, or `None` for the root.
    pub(crate) fn parent(&self, node: usize) -> Option<usize> {
        self.parents[node]
    }
}
