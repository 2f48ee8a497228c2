use mtpt_core::TaskIndex;

use crate::{Error, Result};

/// The tree that tasks are the leaves of: for every task, the nodes from the root down to it.
///
/// Nodes are numbers, 0 for the root; whoever owns names keeps the map from a name to its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// For every task, its nodes from the root down.
    lines: Vec<Vec<usize>>,
    /// For every node, how many stand above it.
    depths: Vec<usize>,
    /// For every node, the one above; none for the root.
    parents: Vec<Option<usize>>,
    /// For every node, the task that it is, if it is one.
    tasks: Vec<Option<TaskIndex>>,
}

impl Tree {
    /// Tasks right below the root, in their order.
    pub fn flat(task_count: usize) -> Self {
        Self {
            lines: (1..=task_count).map(|node| vec![0, node]).collect(),
            depths: (0..=task_count).map(|node| node.min(1)).collect(),
            parents: (0..=task_count).map(|node| (node > 0).then_some(0)).collect(),
            tasks: [None]
                .into_iter()
                .chain((0..task_count).map(|task| Some(TaskIndex::new(task))))
                .collect(),
        }
    }

    /// The tree of these lines: one for every task, from the root, 0, down to the task's own node.
    ///
    /// # Errors
    ///
    /// [`Error::Tree`], when a line does not begin at the root, a node stands below two others or below itself, two tasks have
    /// one node, a task stands below another, or a number is left out.
    pub fn new(lines: Vec<Vec<usize>>) -> Result<Self> {
        let refused = |problem: String| Err(Error::Tree { problem });
        if lines.is_empty() {
            return Ok(Self::flat(0));
        }
        let highest = lines.iter().flatten().copied().max().unwrap_or(0);
        // Every number is of a node on some line, so that there are no more of them than these.
        let most = 1 + lines.iter().map(Vec::len).sum::<usize>();
        if highest >= most {
            return refused(format!("node {highest} is one of at most {most}, counted from 0"));
        }
        let mut above: Vec<Option<Option<usize>>> = vec![None; highest + 1];
        above[0] = Some(None);
        let mut depths = vec![0; highest + 1];
        for (task, line) in lines.iter().enumerate() {
            let [0, _, ..] = line.as_slice() else {
                return refused(format!(
                    "the line of task {task} must lead from the root, 0, down to it, found {line:?}"
                ));
            };
            for (depth, pair) in (1..).zip(line.windows(2)) {
                let (parent, node) = (pair[0], pair[1]);
                if line[..depth].contains(&node) {
                    return refused(format!("node {node} stands below itself: {line:?}"));
                }
                match above[node] {
                    None => above[node] = Some(Some(parent)),
                    Some(known) if known == Some(parent) => {}
                    Some(_) => return refused(format!("node {node} stands below two others")),
                }
                depths[node] = depth;
            }
        }
        let mut parents = Vec::with_capacity(above.len());
        let mut is_group = vec![false; above.len()];
        for (node, known) in above.into_iter().enumerate() {
            let Some(parent) = known else {
                return refused(format!("node {node} leads to no task"));
            };
            if let Some(parent) = parent {
                is_group[parent] = true;
            }
            parents.push(parent);
        }
        let mut leaves: Vec<usize> = lines.iter().filter_map(|line| line.last().copied()).collect();
        if let Some(&node) = leaves.iter().find(|&&leaf| is_group[leaf]) {
            return refused(format!("node {node} is a task, and another stands below it"));
        }
        let mut tasks = vec![None; parents.len()];
        for (task, &leaf) in (0..).map(TaskIndex::new).zip(&leaves) {
            tasks[leaf] = Some(task);
        }
        leaves.sort_unstable();
        if let Some(pair) = leaves.windows(2).find(|pair| pair[0] == pair[1]) {
            return refused(format!("node {} is that of two tasks", pair[0]));
        }
        Ok(Self { lines, depths, parents, tasks })
    }

    /// Number of tasks.
    pub fn task_count(&self) -> usize {
        self.lines.len()
    }

    /// Number of nodes: the root, groups and tasks.
    pub fn node_count(&self) -> usize {
        self.depths.len()
    }

    /// Number of levels: 1 for a root alone, 2 for tasks right below it.
    pub fn levels(&self) -> usize {
        self.depths.iter().max().map_or(1, |depth| depth + 1)
    }

    /// How many nodes stand above each node.
    pub fn depths(&self) -> &[usize] {
        &self.depths
    }

    /// The nodes from the root down to a task.
    ///
    /// # Panics
    ///
    /// When the task is not below [`task_count`](Self::task_count).
    pub fn line(&self, task: TaskIndex) -> &[usize] {
        &self.lines[task.position()]
    }

    /// The tasks, in their order.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = TaskIndex> + use<> {
        (0..self.lines.len()).map(TaskIndex::new)
    }

    /// The task whose node is given, if it is one's.
    pub(crate) fn task_at(&self, node: usize) -> Option<TaskIndex> {
        self.tasks[node]
    }

    /// The node above, for all but the root.
    pub(crate) fn parent(&self, node: usize) -> Option<usize> {
        self.parents[node]
    }
}
