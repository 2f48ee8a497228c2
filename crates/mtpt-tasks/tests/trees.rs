use std::collections::BTreeSet;

use mtpt_tasks::{Node, NodeIndex, Result, TaskId, TaskTree};
use proptest::prelude::*;

use crate::message;

fn tree(names: &[&str]) -> Result<TaskTree> {
    let names: Vec<TaskId> = names.iter().map(|name| TaskId::new(name).unwrap()).collect();
    TaskTree::new(&names)
}

#[test]
fn orders_groups_by_their_first_task() {
    let tree = tree(&["b/y/2", "a", "b/x", "c/z", "b/y/1"]).unwrap();
    let nodes: Vec<(usize, &str, &str, Option<usize>)> =
        tree.nodes().map(|node| (node.depth(), node.path(), node.name(), node.task())).collect();
    assert_eq!(
        nodes,
        [
            (0, "", "", None),
            (1, "b", "b", None),
            (2, "b/y", "y", None),
            (3, "b/y/2", "2", Some(0)),
            (3, "b/y/1", "1", Some(4)),
            (2, "b/x", "x", Some(2)),
            (1, "a", "a", Some(1)),
            (1, "c", "c", None),
            (2, "c/z", "z", Some(3)),
        ]
    );
    let below = |path| tree.tasks_below(tree.find(path).unwrap());
    assert_eq!(below(""), [0, 4, 2, 1, 3]);
    assert_eq!(below("b"), [0, 4, 2]);
    assert_eq!(below("b/y"), [0, 4]);
    assert_eq!(below("a"), [1]);
    assert_eq!(tree.find("b/z"), None);
    let path: Vec<usize> = tree.path_to_task(4).into_iter().map(NodeIndex::position).collect();
    assert_eq!(path, [0, 1, 2, 4]);
}

#[test]
fn has_only_a_root_without_names() {
    let tree = tree(&[]).unwrap();
    assert_eq!(tree.nodes().len(), 1);
    assert!(tree.tasks_below(NodeIndex::ROOT).is_empty());
    assert_eq!((tree.root().depth(), tree.root().parent()), (0, None));
}

#[test]
fn rejects_conflicting_names() {
    assert_eq!(message(tree(&["a/b", "c", "a/b"])), "duplicate task name `a/b`");
    // In either order.
    for names in [["a/b", "a/b/c"], ["a/b/c", "a/b"]] {
        assert_eq!(
            message(tree(&names)),
            "`a/b` is a task, so it cannot also be the group of `a/b/c`; rename one of them"
        );
    }
    // A common prefix that ends within a segment is not a group.
    assert!(tree(&["a/b", "a/bc", "a/b-c"]).is_ok());
}

/// Names of few distinct segments, so that they often conflict.
fn names() -> impl Strategy<Value = Vec<TaskId>> {
    let name = prop::collection::vec(prop::sample::select(vec!["a", "b", "ab", "c"]), 1..4);
    let name = name.prop_map(|segments| TaskId::new(&segments.join("/")).unwrap());
    prop::collection::vec(name, 0..8)
}

/// Removes duplicates, and names that are groups of other names or in their groups.
fn without_conflicts(names: Vec<TaskId>) -> Vec<TaskId> {
    let mut without_conflicts: Vec<TaskId> = Vec::new();
    for name in names {
        if without_conflicts.iter().all(|other| !conflict(&name, other)) {
            without_conflicts.push(name);
        }
    }
    without_conflicts
}

fn below(path: &str, name: &TaskId) -> bool {
    path.is_empty() || name.as_str() == path || name.as_str().starts_with(&format!("{path}/"))
}

fn conflict(one: &TaskId, other: &TaskId) -> bool {
    below(one.as_str(), other) || below(other.as_str(), one)
}

proptest! {
    #[test]
    fn rejects_exactly_conflicting_names(names in names()) {
        let has_conflict = (0..names.len()).any(|one| (0..one).any(|other| conflict(&names[one], &names[other])));
        prop_assert_eq!(TaskTree::new(&names).is_err(), has_conflict);
    }

    #[test]
    fn every_prefix_of_a_name_is_one_node(names in names().prop_map(without_conflicts)) {
        let tree = TaskTree::new(&names).unwrap();
        let mut expected = BTreeSet::from([String::new()]);
        for name in &names {
            let segments: Vec<&str> = name.segments().collect();
            expected.extend((1..=segments.len()).map(|count| segments[..count].join("/")));
        }
        let paths: Vec<&str> = tree.nodes().map(Node::path).collect();
        prop_assert_eq!(paths.len(), expected.len());
        prop_assert!(paths.iter().all(|path| expected.contains(*path)));
        for node in tree.nodes() {
            prop_assert_eq!(tree.find(node.path()), Some(node.index()));
            prop_assert_eq!(tree.node(node.index()), node);
            prop_assert_eq!(node.depth(), node.path().split('/').filter(|part| !part.is_empty()).count());
            prop_assert_eq!(node.task().is_some(), node.children().is_empty() && node.parent().is_some());
        }
    }

    #[test]
    fn parents_and_children_are_consistent_and_ordered(names in names().prop_map(without_conflicts)) {
        let tree = TaskTree::new(&names).unwrap();
        for node in tree.nodes() {
            for &child in node.children() {
                prop_assert!(child > node.index());
                prop_assert_eq!(tree.node(child).parent(), Some(node.index()));
            }
            if let Some(parent) = node.parent() {
                prop_assert!(tree.node(parent).children().contains(&node.index()));
            }
            // Siblings are in the order of their first task.
            let first = |child: &NodeIndex| tree.tasks_below(*child).iter().copied().min();
            prop_assert!(node.children().is_sorted_by_key(first));
            // The nodes below a node are contiguous.
            let below: Vec<usize> = tree
                .nodes()
                .filter(|other| node.path().is_empty() || other.path() == node.path()
                    || other.path().starts_with(&format!("{}/", node.path())))
                .map(|other| other.index().position())
                .collect();
            let start = node.index().position();
            prop_assert_eq!(&below, &(start..start + below.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn tasks_are_below_the_prefixes_of_their_names(names in names().prop_map(without_conflicts)) {
        let tree = TaskTree::new(&names).unwrap();
        for (position, name) in names.iter().enumerate() {
            let node = tree.node(tree.node_of_task(position));
            prop_assert_eq!((node.path(), node.task()), (name.as_str(), Some(position)));
            let path = tree.path_to_task(position);
            prop_assert_eq!((path[0], path.last()), (NodeIndex::ROOT, Some(&node.index())));
            prop_assert_eq!(path.len(), name.segments().count() + 1);
            for pair in path.windows(2) {
                prop_assert_eq!(tree.node(pair[1]).parent(), Some(pair[0]));
            }
        }
        for node in tree.nodes() {
            let mut tasks = tree.tasks_below(node.index()).to_vec();
            let parts: Vec<usize> = match node.task() {
                Some(task) => vec![task],
                None => node.children().iter().flat_map(|&child| tree.tasks_below(child)).copied().collect(),
            };
            prop_assert_eq!(&tasks, &parts);
            tasks.sort_unstable();
            let expected: Vec<usize> =
                (0..names.len()).filter(|&task| below(node.path(), &names[task])).collect();
            prop_assert_eq!(tasks, expected);
        }
    }
}
