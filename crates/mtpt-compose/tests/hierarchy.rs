use burn::tensor::{Device, Tensor};
use mtpt_compose::{CompositionConfig, InitContext, Tree};
use mtpt_core::{Compose, TaskIndex};

fn config(json: &str) -> CompositionConfig {
    serde_json::from_str(json).unwrap()
}

fn context(tree: Tree) -> InitContext<'static> {
    InitContext {
        shared: Tensor::ones([4, 6], &Device::flex()),
        tree,
        part: &|_, length| Ok(Tensor::full([length, 6], 2.0, &Device::flex())),
        seed: 0,
        device: Device::flex().autodiff(),
    }
}

fn prompts(config: &CompositionConfig, tree: Tree) -> Vec<Vec<f32>> {
    let composition = config.init(&context(tree)).unwrap();
    (0..composition.task_count())
        .map(|task| composition.compose(TaskIndex::new(task)).into_data().try_to_vec().unwrap())
        .collect()
}

/// A root, a group, and its two tasks.
fn three_levels() -> Tree {
    Tree::new(vec![vec![0, 1, 2], vec![0, 1, 3]]).unwrap()
}

#[test]
fn levels_use_their_strategies() {
    let config = config(
        r#"{"strategy": "hierarchy", "levels": [
            {"strategy": "concat", "task_length": 2},
            {"strategy": "add"},
            {"strategy": "low_rank", "rank": 2}
        ]}"#,
    );
    let count = config.parameter_count(4, 6, &three_levels()).unwrap();
    // The shared prompt, two vectors of the root and the group's part; two tasks of rank 2.
    assert_eq!(count.shared, 4 * 6 + 2 * 6 + 6 * 6);
    assert_eq!(count.task_specific, 2 * 2 * (6 + 6));
    for prompt in prompts(&config, three_levels()) {
        assert_eq!(prompt, [vec![1.0; 4 * 6], vec![2.0; 2 * 6]].concat());
    }
}

#[test]
fn separate_root_is_the_shared_prompt() {
    let config = config(r#"{"strategy": "hierarchy"}"#);
    let count = config.parameter_count(4, 6, &Tree::flat(3)).unwrap();
    assert_eq!((count.shared, count.task_specific), (4 * 6, 3 * (4 + 6)));
    assert_eq!(prompts(&config, Tree::flat(1)), [vec![1.0; 24]]);
}

#[test]
fn eight_levels_are_supported() {
    let tree = Tree::new(vec![(0..8).collect()]).unwrap();
    assert_eq!(tree.levels(), 8);
    let levels = [r#"{"strategy": "add"}"#; 8].join(", ");
    let config = config(&format!(r#"{{"strategy": "hierarchy", "levels": [{levels}]}}"#));
    assert_eq!(config.parameter_count(4, 6, &tree).unwrap().total(), 9 * 24);
    assert_eq!(prompts(&config, tree), [vec![1.0; 24]]);
}

#[test]
fn tasks_may_have_different_depths() {
    let tree = Tree::new(vec![vec![0, 1], vec![0, 2, 3], vec![0, 2, 4, 5]]).unwrap();
    assert_eq!(tree.depths(), [0, 1, 1, 2, 2, 3]);
    assert_eq!(prompts(&config(r#"{"strategy": "hierarchy"}"#), tree).len(), 3);
}

#[track_caller]
fn check_error(json: &str, tree: Tree, expected: &str) {
    assert_eq!(config(json).init(&context(tree)).unwrap_err().to_string(), expected);
}

#[test]
fn every_level_requires_a_strategy() {
    for levels in [2, 4] {
        let list = vec![r#"{"strategy": "add"}"#; levels].join(", ");
        check_error(
            &format!(r#"{{"strategy": "hierarchy", "levels": [{list}]}}"#),
            three_levels(),
            &format!(
                "`levels` must have one strategy for each of the 3 levels of the tree, the root's \
                 first, found {levels}"
            ),
        );
    }
}

#[test]
fn levels_must_use_the_parent_prompt_and_be_in_range() {
    check_error(
        r#"{"strategy": "hierarchy", "levels": [{"strategy": "add"}, {"strategy": "instance_attention"}]}"#,
        Tree::flat(1),
        "level 1 (the root is 0): `instance_attention` cannot be a level, because it does not compute \
         a prompt from its parent prompt",
    );
    check_error(
        r#"{"strategy": "hierarchy", "levels": [{"strategy": "add"}, {"strategy": "low_rank", "rank": 0}]}"#,
        Tree::flat(1),
        "level 1 (the root is 0): `rank` must be between 1 and 4, found 0",
    );
}

#[test]
fn all_prompts_have_the_same_length() {
    check_error(
        r#"{"strategy": "hierarchy", "levels": [{"strategy": "add"}, {"strategy": "add"}, {"strategy": "concat"}]}"#,
        Tree::new(vec![vec![0, 1], vec![0, 2, 3]]).unwrap(),
        "task 0 and task 1 would have prompts of 4 and 14 vectors: use a strategy that lengthens \
         prompts only at a level that every task has",
    );
}

#[track_caller]
fn check_invalid_tree(paths: &[&[usize]], expected: &str) {
    let paths = paths.iter().map(|path| path.to_vec()).collect();
    let failure = Tree::new(paths).unwrap_err().to_string();
    assert_eq!(failure, format!("not a tree of tasks: {expected}"));
}

#[test]
fn invalid_trees_are_rejected() {
    check_invalid_tree(
        &[&[1, 2]],
        "the path of task 0 must lead from the root, 0, to the task, found [1, 2]",
    );
    check_invalid_tree(
        &[&[0]],
        "the path of task 0 must lead from the root, 0, to the task, found [0]",
    );
    check_invalid_tree(&[&[0, 1, 2, 1]], "node 1 is its own ancestor: [0, 1, 2, 1]");
    check_invalid_tree(&[&[0, 1, 3], &[0, 2, 3]], "node 3 has two parents");
    check_invalid_tree(&[&[0, 1], &[0, 1, 2]], "node 1 is a task, but has a child");
    check_invalid_tree(&[&[0, 1], &[0, 1]], "node 1 belongs to two tasks");
    check_invalid_tree(&[&[0, 2]], "node 1 is on no task's path");
    check_invalid_tree(&[&[0, 99]], "node 99 is not below 3, the maximum number of nodes");
}
