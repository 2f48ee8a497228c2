//! Properties of every strategy, tested in loops over all of them.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Bool, Device, Distribution, Tensor, TensorData};
use mtpt_compose::{
    AttentionConfig, Composition, CompositionConfig, ConcatConfig, ConcatFeaturesConfig, Error,
    GateInput, GatedConfig, HierarchyConfig, InitContext, InstanceAttentionConfig, LowRankConfig,
    PartId, ProjectConfig, Tree,
};
use mtpt_core::{Compose, TaskIndex, load_parameters, named_parameters};
use mtpt_io::NamedTensors;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Returns all strategies with default options, with other options that change their behavior, and
/// as levels of a tree.
fn strategies(tree: &Tree) -> Vec<CompositionConfig> {
    let mut strategies = CompositionConfig::catalogue();
    strategies.push(CompositionConfig::LowRank(LowRankConfig { rank: 3 }));
    strategies.push(CompositionConfig::Concat(ConcatConfig { task_length: 1 }));
    let input = GateInput::Flattened;
    strategies.push(CompositionConfig::Gated(GatedConfig { hidden: 3, input }));
    let task_width = Some(2);
    strategies.push(CompositionConfig::ConcatFeatures(ConcatFeaturesConfig { task_width }));
    strategies.push(CompositionConfig::Project(ProjectConfig { shared_width: Some(2) }));
    strategies.push(CompositionConfig::Attention(AttentionConfig {
        components: 2,
        heads: 1,
        inner: 3,
    }));
    strategies.push(CompositionConfig::InstanceAttention(InstanceAttentionConfig {
        components: 1,
        bottleneck: 2,
        temperature: Some(1.0),
        attend_target: false,
    }));
    // Every task has the first two levels, so these may lengthen prompts.
    let concat = CompositionConfig::Concat(ConcatConfig { task_length: 2 });
    let strategies_of_levels: Vec<CompositionConfig> = CompositionConfig::catalogue()
        .into_iter()
        .filter(|strategy| LEVEL_STRATEGIES.contains(&strategy.name()))
        .collect();
    for shift in 0..strategies_of_levels.len() {
        let levels = (0..tree.levels())
            .map(|level| match (level, shift) {
                (0, 0) | (1, 1) => concat.clone(),
                _ => strategies_of_levels[(shift + level) % strategies_of_levels.len()].clone(),
            })
            .collect();
        strategies.push(CompositionConfig::Hierarchy(HierarchyConfig { levels: Some(levels) }));
    }
    strategies
}

/// Strategies that use the parent prompt at any level and don't lengthen it.
const LEVEL_STRATEGIES: [&str; 7] =
    ["low_rank", "add", "weighted", "gated", "concat_features", "project", "attention"];

#[derive(Clone, Debug)]
struct Case {
    length: usize,
    d_model: usize,
    tree: Tree,
    seed: u64,
}

/// Creates a tree from the groups of each task, which are numbers.
fn tree_of(groups: &[Vec<u8>]) -> Tree {
    let mut groups_of_nodes: Vec<Vec<u8>> = vec![Vec::new()];
    let mut paths = Vec::new();
    for groups in groups {
        let mut path = vec![0];
        for depth in 1..=groups.len() {
            let group = groups[..depth].to_vec();
            let node = groups_of_nodes.iter().position(|known| *known == group);
            path.push(node.unwrap_or_else(|| {
                groups_of_nodes.push(group);
                groups_of_nodes.len() - 1
            }));
        }
        // The node of the task, with unique groups.
        groups_of_nodes.push(vec![u8::MAX; 9 + groups_of_nodes.len()]);
        path.push(groups_of_nodes.len() - 1);
        paths.push(path);
    }
    Tree::new(paths).unwrap()
}

fn cases() -> impl Strategy<Value = Case> {
    let groups = prop::collection::vec(prop::collection::vec(0_u8..2, 0..3), 1..6);
    (3usize..8, 3usize..9, groups, any::<u64>()).prop_map(|(length, d_model, groups, seed)| Case {
        length,
        d_model,
        tree: tree_of(&groups),
        seed,
    })
}

fn random(shape: [usize; 2], rng: &mut ChaCha8Rng) -> Tensor<2> {
    let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Initial values of parts.
#[derive(Clone, Copy, PartialEq)]
enum Parts {
    Random,
    /// Values with which the composed prompt is the shared prompt.
    Neutral,
}

/// Returns the initial shared prompt and the composition before training.
fn initial(config: &CompositionConfig, case: &Case, parts: Parts) -> (Tensor<2>, Composition) {
    let mut rng = ChaCha8Rng::seed_from_u64(case.seed);
    let shared = random([case.length, case.d_model], &mut rng);
    let part = |part: PartId, length| {
        if parts == Parts::Neutral {
            return Ok(match part {
                PartId::Component(_) => shared.clone(),
                _ => Tensor::zeros([length, case.d_model], &Device::flex()),
            });
        }
        let number = match part {
            PartId::Task(task) => 1 + task.position() as u64,
            PartId::Node(node) => 1000 + node as u64,
            PartId::Component(component) => 2000 + component as u64,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(case.seed ^ number);
        Ok(random([length, case.d_model], &mut rng))
    };
    let context = InitContext {
        shared: shared.clone(),
        tree: case.tree.clone(),
        part: &part,
        seed: case.seed,
        device: Device::flex().autodiff(),
    };
    let composition = config.init(&context).unwrap();
    (shared, composition)
}

/// Returns a composition whose parameters have changed at random, as after training.
fn trained(config: &CompositionConfig, case: &Case) -> Composition {
    struct Shake(ChaCha8Rng);
    impl ModuleMapper for Shake {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let rng = &mut self.0;
            param.map(|value| {
                let device = value.device();
                let shape = value.dims();
                let values: Vec<f32> = value
                    .into_data()
                    .iter::<f32>()
                    .map(|value| value + rng.random_range(-0.5..0.5))
                    .collect();
                Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
            })
        }
    }
    initial(config, case, Parts::Random).1.map(&mut Shake(ChaCha8Rng::seed_from_u64(!case.seed)))
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn tasks(tree: &Tree) -> Vec<TaskIndex> {
    (0..tree.task_count()).map(TaskIndex::new).collect()
}

/// Returns whether the prompt of the first task depends on a parameter.
fn is_used_by_first_task(name: &str, tree: &Tree) -> bool {
    let path = tree.path(TaskIndex::new(0));
    let mut segments = name.split('.');
    let first = segments.next().unwrap();
    let number = segments.next().and_then(|segment| segment.parse::<usize>().ok());
    match (first, number) {
        ("tasks", Some(task)) => task == 0,
        ("nodes", Some(node)) => path.contains(&node),
        ("pools", Some(level)) => level < path.len(),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn neutral_parts_yield_the_shared_prompt(case in cases()) {
        for config in strategies(&case.tree) {
            let (shared, composition) = initial(&config, &case, Parts::Neutral);
            let shared = values(shared);
            for task in tasks(&case.tree) {
                let prompt = composition.compose(task);
                prop_assert_eq!(prompt.dims(), [composition.prompt_length(), case.d_model]);
                let prompt = values(prompt);
                let narrows = |config: &CompositionConfig| match config {
                    CompositionConfig::Project(project) => {
                        let rank = case.length.min(case.d_model);
                        project.shared_width.is_some_and(|width| width < rank)
                    }
                    _ => false,
                };
                match &config {
                    // Nothing is shared.
                    CompositionConfig::Separate(_) => continue,
                    // The task-specific prompt is a part of the mixture.
                    CompositionConfig::InstanceAttention(attention)
                        if attention.attend_target =>
                    {
                        continue;
                    }
                    config if narrows(config) => continue,
                    _ => {}
                }
                for (found, expected) in prompt.iter().zip(&shared) {
                    // A gated sum has three roundings at each of at most four levels.
                    prop_assert!((found - expected).abs() <= 1e-6, "{config:?}");
                }
            }
        }
    }

    #[test]
    fn parameter_count_matches_the_module(case in cases()) {
        for config in strategies(&case.tree) {
            let (_, composition) = initial(&config, &case, Parts::Random);
            let count = config.parameter_count(case.length, case.d_model, &case.tree).unwrap();
            prop_assert_eq!(composition.num_params(), count.total(), "{:?}", config);
            prop_assert_eq!(composition.task_count(), case.tree.task_count());
        }
    }

    #[test]
    fn task_parameters_match_the_parameter_count(case in cases()) {
        struct Count<'a> {
            task_parameters: &'a [ParamId],
            count: usize,
        }
        impl ModuleVisitor for Count<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if self.task_parameters.contains(&param.id) {
                    self.count += param.val().shape().num_elements();
                }
            }
        }
        for config in strategies(&case.tree) {
            let (_, composition) = initial(&config, &case, Parts::Random);
            let task_parameters = composition.task_parameters();
            let mut count = Count { task_parameters: &task_parameters, count: 0 };
            composition.visit(&mut count);
            let expected = config.parameter_count(case.length, case.d_model, &case.tree).unwrap();
            prop_assert_eq!(count.count, expected.task_specific, "{}", config.name());
        }
    }

    #[test]
    fn batches_equal_single_rows_in_any_order(
        case in cases(),
        order in prop::collection::vec(any::<usize>(), 1..9),
    ) {
        let count = case.tree.task_count();
        let rows: Vec<TaskIndex> = order.iter().map(|pick| TaskIndex::new(pick % count)).collect();
        let reversed: Vec<TaskIndex> = rows.iter().rev().copied().collect();
        for config in strategies(&case.tree) {
            let composition = trained(&config, &case);
            let size = composition.prompt_length() * case.d_model;
            let batched = values(composition.compose_rows(&rows));
            let in_reverse = values(composition.compose_rows(&reversed));
            for (row, &task) in rows.iter().enumerate() {
                let single = values(composition.compose(task));
                prop_assert_eq!(&batched[row * size..(row + 1) * size], &single[..]);
                let mirrored = rows.len() - 1 - row;
                prop_assert_eq!(&in_reverse[mirrored * size..(mirrored + 1) * size], &single[..]);
            }
        }
    }

    #[test]
    fn prompts_of_inputs_are_independent_of_the_batch(
        case in cases(),
        lengths in prop::collection::vec(1_usize..5, 1..6),
    ) {
        const MAX_LENGTH: usize = 6;
        let device = Device::flex();
        let rows = lengths.len();
        let count = case.tree.task_count();
        let tasks: Vec<TaskIndex> = (0..rows).map(|row| TaskIndex::new(row % count)).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(case.seed);
        // Padding has large values too.
        let embeddings = random([rows * MAX_LENGTH, case.d_model], &mut rng).mul_scalar(9.0);
        let embeddings = embeddings.reshape([rows, MAX_LENGTH, case.d_model]);
        let mask: Vec<bool> = lengths
            .iter()
            .flat_map(|&length| (0..MAX_LENGTH).map(move |position| position < length))
            .collect();
        let mask = Tensor::<2, Bool>::from_data(TensorData::new(mask, [rows, MAX_LENGTH]), &device);
        for config in strategies(&case.tree) {
            let composition = trained(&config, &case);
            let size = composition.prompt_length() * case.d_model;
            let batched = values(composition.compose_for(&tasks, &embeddings, &mask));
            for (row, &length) in lengths.iter().enumerate() {
                let tokens = embeddings.clone().slice([row..row + 1, 0..length]);
                let all = Tensor::<2, Bool>::full([1, length], true, &device);
                let single = values(composition.compose_for(&tasks[row..=row], &tokens, &all));
                let batched = &batched[row * size..(row + 1) * size];
                for (found, expected) in batched.iter().zip(&single) {
                    // A product with one row may be summed in another order than with several.
                    prop_assert!((found - expected).abs() <= 1e-5, "{config:?}");
                }
            }
        }
    }

    #[test]
    fn absent_tasks_get_no_gradient(case in cases()) {
        for config in strategies(&case.tree) {
            let composition = trained(&config, &case);
            let present = TaskIndex::new(0);
            let loss = composition.compose_rows(&[present, present]).powi_scalar(2).sum();
            let gradients = GradientsParams::from_grads(loss.backward(), &composition);
            let all = named_parameters(&composition);
            let expected = all.keys().filter(|name| is_used_by_first_task(name, &case.tree)).count();
            prop_assert_eq!(gradients.len(), expected, "{:?}", config);
        }
    }

    #[test]
    fn shared_gradients_are_sums_over_tasks(case in cases()) {
        for config in strategies(&case.tree) {
            let composition = trained(&config, &case);
            let gradients = |rows: &[TaskIndex]| {
                let loss = composition.compose_rows(rows).powi_scalar(2).sum();
                gradients_of(&composition, loss)
            };
            let tasks = tasks(&case.tree);
            let batched = gradients(&tasks);
            let mut sum = vec![0.0; batched.len()];
            for &task in &tasks {
                for (sum, value) in sum.iter_mut().zip(gradients(&[task])) {
                    *sum += value;
                }
            }
            let largest = batched.iter().fold(1.0_f32, |largest, value| largest.max(value.abs()));
            for (found, expected) in batched.iter().zip(&sum) {
                // Sums of at most five values in another order.
                let close = (found - expected).abs() <= 1e-5 * largest;
                prop_assert!(close, "{config:?}: {found} {expected}");
            }
        }
    }

    #[test]
    fn only_frozen_levels_have_no_gradient(case in cases(), pick in any::<usize>()) {
        for config in strategies(&case.tree) {
            let is_tree = matches!(config, CompositionConfig::Hierarchy(_));
            let levels = if is_tree { case.tree.levels() } else { 2 };
            let frozen = pick % levels;
            let whole = trained(&config, &case);
            let composition = match whole.clone().freeze_levels(&[frozen]) {
                Ok(composition) => composition,
                // Only the level of tasks has parameters.
                Err(error) => {
                    prop_assert!(matches!(error, Error::AllFrozen), "{error}");
                    prop_assert!(matches!(config, CompositionConfig::Separate(_)));
                    continue;
                }
            };
            prop_assert!(composition.trainable_parameters() <= whole.trainable_parameters());
            prop_assert_eq!(whole.trainable_parameters(), whole.num_params());
            let loss = composition.compose_rows(&tasks(&case.tree)).powi_scalar(2).sum();
            let gradients = GradientsParams::from_grads(loss.backward(), &composition);
            let all = named_parameters(&composition);
            let level = |name: &str| {
                let mut segments = name.split('.');
                let first = segments.next().unwrap();
                let number = segments.next().and_then(|segment| segment.parse::<usize>().ok());
                match (first, number) {
                    ("tasks", _) => 1,
                    ("nodes", Some(node)) => case.tree.depths()[node],
                    ("pools", Some(level)) => level,
                    _ => 0,
                }
            };
            let expected = all.keys().filter(|name| level(name) != frozen).count();
            prop_assert_eq!(gradients.len(), expected, "{:?} without level {}", config, frozen);
            prop_assert!(composition.freeze_levels(&[levels]).is_err());
        }
    }

    #[test]
    fn plain_prompts_equal_composed_prompts(case in cases()) {
        for config in strategies(&case.tree) {
            let composition = trained(&config, &case);
            let mut order = tasks(&case.tree);
            order.reverse();
            match composition.to_separate(&order) {
                Ok(plain) => {
                    for (position, &task) in order.iter().enumerate() {
                        let plain = values(plain.compose(TaskIndex::new(position)));
                        prop_assert_eq!(plain, values(composition.compose(task)));
                    }
                }
                Err(error) => {
                    prop_assert!(composition.reads_inputs(), "{error}");
                }
            }
        }
    }

    #[test]
    fn files_restore_prompts_bit_for_bit(case in cases()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompts.safetensors");
        for config in strategies(&case.tree) {
            let composition = trained(&config, &case);
            let tensors = named_parameters(&composition);
            NamedTensors { tensors, ..NamedTensors::default() }.write(&path).unwrap();
            let tensors = NamedTensors::read(&path).unwrap().tensors;
            let restored =
                load_parameters(initial(&config, &case, Parts::Random).1, tensors).unwrap();
            for task in tasks(&case.tree) {
                let (restored, original) = (restored.compose(task), composition.compose(task));
                prop_assert_eq!(values(restored), values(original));
            }
        }
    }
}

/// Returns the gradients of all parameters in the order of the parameters, and zeros for those
/// without a gradient.
fn gradients_of(composition: &Composition, loss: Tensor<1>) -> Vec<f32> {
    struct Collect(GradientsParams, Vec<f32>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            match self.0.get::<D>(param.id) {
                Some(gradient) => self.1.extend(values(gradient)),
                None => self.1.extend(vec![0.0; param.lazy_shape().num_elements()]),
            }
        }
    }
    let gradients = GradientsParams::from_grads(loss.backward(), composition);
    let mut collect = Collect(gradients, Vec::new());
    composition.visit(&mut collect);
    collect.1
}

#[test]
fn low_rank_uses_all_ranks() {
    let case = Case { length: 4, d_model: 5, tree: Tree::flat(1), seed: 1 };
    let config = CompositionConfig::LowRank(LowRankConfig { rank: 2 });
    let composition = initial(&config, &case, Parts::Random).1;
    let noise = Tensor::<2>::random([4, 5], Distribution::Uniform(-1.0, 1.0), &Device::flex());
    let loss = (composition.compose(TaskIndex::new(0)) * noise).sum();
    let gradients = GradientsParams::from_grads(loss.backward(), &composition);
    let optimizer = burn::optim::SgdConfig::new();
    let stepped = optimizer.init().step(0.1, composition, gradients);
    let parameters = named_parameters(&stepped);
    let right = parameters["tasks.0.right"].try_to_vec::<f32>().unwrap();
    let (first, second) = right.split_at(5);
    assert!(second.iter().any(|value| value.abs() > 1e-4), "the second row is no longer zero");
    assert_ne!(first, second, "the two ranks differ");
}

#[test]
fn narrow_project_is_initialized_with_the_best_approximation() {
    let case = Case { length: 5, d_model: 8, tree: Tree::flat(2), seed: 3 };
    let distance = |shared_width| {
        let config = CompositionConfig::Project(ProjectConfig { shared_width: Some(shared_width) });
        let (shared, composition) = initial(&config, &case, Parts::Random);
        let prompt = composition.compose(TaskIndex::new(1)).inner();
        (prompt - shared).powi_scalar(2).sum().into_scalar::<f32>().sqrt()
    };
    // The distance shrinks with the width and is zero, up to rounding, at the rank of the prompt.
    let distances: Vec<f32> = (1..=8).map(distance).collect();
    assert!(
        distances.is_sorted_by(|narrow, wide| narrow >= wide || *narrow < 1e-5),
        "{distances:?}"
    );
    assert!(
        distances[3] > 1e-2 && distances[4..].iter().all(|&distance| distance < 1e-5),
        "{distances:?}"
    );
}

#[test]
fn wide_project_has_gradients_everywhere() {
    // The width exceeds the rank, so columns of the shared prompt are zero. The rows of the
    // projection that they are multiplied by must not be.
    let case = Case { length: 3, d_model: 8, tree: Tree::flat(1), seed: 4 };
    let config = CompositionConfig::Project(ProjectConfig { shared_width: Some(6) });
    let composition = initial(&config, &case, Parts::Random).1;
    let gradients =
        gradients_of(&composition, composition.compose_rows(&[TaskIndex::new(0)]).sum());
    let shared = &gradients[..3 * 6];
    assert!(shared.iter().all(|gradient| gradient.abs() > 1e-6), "{shared:?}");
}

fn context(tree: Tree) -> InitContext<'static> {
    InitContext {
        shared: Tensor::zeros([4, 6], &Device::flex()),
        tree,
        part: &|_, length| Ok(Tensor::zeros([length, 6], &Device::flex())),
        seed: 0,
        device: Device::flex(),
    }
}

#[test]
fn zero_tasks_are_rejected() {
    for config in CompositionConfig::catalogue() {
        let failure = config.init(&context(Tree::flat(0))).unwrap_err().to_string();
        assert_eq!(failure, "a composition needs at least one task, but was given none");
    }
}

#[test]
fn initial_values_of_the_wrong_width_are_rejected() {
    let part = |_, length| Ok(Tensor::zeros([length, 7], &Device::flex()));
    let context = InitContext { part: &part, ..context(Tree::flat(2)) };
    let config = CompositionConfig::Concat(ConcatConfig { task_length: 3 });
    let failure = config.init(&context).unwrap_err().to_string();
    assert_eq!(failure, "initial values of task 0: expected shape [3, 6], found [3, 7]");
}
