//! What must hold for every strategy, in one loop over all of them.

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use mtpt_compose::{
    Composition, CompositionConfig, ConcatConfig, GateInput, GatedConfig, LowRankConfig, Start,
};
use mtpt_core::{Compose, PromptFile, TaskIndex};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The catalogue, and the options that change what a strategy does.
fn strategies() -> Vec<CompositionConfig> {
    let mut strategies = CompositionConfig::catalogue();
    strategies.push(CompositionConfig::LowRank(LowRankConfig { rank: 3 }));
    strategies.push(CompositionConfig::Concat(ConcatConfig { task_length: 1 }));
    let input = GateInput::Flattened;
    strategies.push(CompositionConfig::Gated(GatedConfig { hidden: 3, input }));
    strategies
}

#[derive(Clone, Copy, Debug)]
struct Case {
    length: usize,
    d_model: usize,
    task_count: usize,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    (3usize..8, 3usize..9, 1usize..6, any::<u64>())
        .prop_map(|(length, d_model, task_count, seed)| Case { length, d_model, task_count, seed })
}

fn random(shape: [usize; 2], rng: &mut ChaCha8Rng) -> Tensor<2> {
    let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// The shared start and the composition as it is before training.
fn fresh(config: &CompositionConfig, case: Case) -> (Tensor<2>, Composition) {
    let mut rng = ChaCha8Rng::seed_from_u64(case.seed);
    let shared = random([case.length, case.d_model], &mut rng);
    let task = |task: TaskIndex, length| {
        let mut rng = ChaCha8Rng::seed_from_u64(case.seed ^ (u64::from(u32::from(task)) + 1));
        Ok(random([length, case.d_model], &mut rng))
    };
    let start = Start {
        shared: shared.clone(),
        task_count: case.task_count,
        task: &task,
        seed: case.seed,
        device: Device::flex().autodiff(),
    };
    (shared, config.init(&start).unwrap())
}

/// Moves every parameter by a random amount, as training would.
fn trained(config: &CompositionConfig, case: Case) -> Composition {
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
    fresh(config, case).1.map(&mut Shake(ChaCha8Rng::seed_from_u64(!case.seed)))
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn tasks(case: Case) -> Vec<TaskIndex> {
    (0..case.task_count as u32).map(TaskIndex::new).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn training_starts_where_the_table_says(case in cases()) {
        for config in strategies() {
            let (shared, composition) = fresh(&config, case);
            let shared = values(shared);
            for task in tasks(case) {
                let prompt = composition.compose(task);
                prop_assert_eq!(prompt.dims(), [composition.prompt_length(), case.d_model]);
                let prompt = values(prompt);
                match config {
                    CompositionConfig::Separate(_) => {}
                    CompositionConfig::Concat(_) => prop_assert_eq!(&prompt[..shared.len()], &shared[..]),
                    _ => {
                        for (found, expected) in prompt.iter().zip(&shared) {
                            // Two gates of 0.5 and the sum of their products round once each.
                            prop_assert!((found - expected).abs() <= 2e-7, "{}", config.name());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_closed_form_counts_what_is_there(case in cases()) {
        for config in strategies() {
            let (_, composition) = fresh(&config, case);
            let count = config.parameter_count(case.length, case.d_model);
            prop_assert_eq!(composition.num_params(), count.total(case.task_count), "{}", config.name());
            prop_assert_eq!(composition.task_count(), case.task_count);
        }
    }

    #[test]
    fn a_batch_is_its_rows_one_by_one_in_any_order(case in cases(), order in prop::collection::vec(any::<u32>(), 1..9)) {
        let rows: Vec<TaskIndex> =
            order.iter().map(|pick| TaskIndex::new(pick % case.task_count as u32)).collect();
        let reversed: Vec<TaskIndex> = rows.iter().rev().copied().collect();
        for config in strategies() {
            let composition = trained(&config, case);
            let size = composition.prompt_length() * case.d_model;
            let together = values(composition.compose_rows(&rows));
            let backwards = values(composition.compose_rows(&reversed));
            for (row, &task) in rows.iter().enumerate() {
                let alone = values(composition.compose(task));
                prop_assert_eq!(&together[row * size..(row + 1) * size], &alone[..]);
                let mirrored = rows.len() - 1 - row;
                prop_assert_eq!(&backwards[mirrored * size..(mirrored + 1) * size], &alone[..]);
            }
        }
    }

    #[test]
    fn an_absent_task_gets_no_gradient(case in cases()) {
        let case = Case { task_count: case.task_count + 1, ..case };
        for config in strategies() {
            let composition = trained(&config, case);
            let present = TaskIndex::new(0);
            let loss = composition.compose_rows(&[present, present]).powi_scalar(2).sum();
            let gradients = GradientsParams::from_grads(loss.backward(), &composition);
            let all = PromptFile::from_module(&composition, String::new());
            let expected = all
                .tensors()
                .keys()
                .filter(|name| *name == "shared" || name.starts_with("tasks.0"))
                .count();
            prop_assert_eq!(gradients.len(), expected, "{}", config.name());
        }
    }

    #[test]
    fn a_file_restores_every_bit(case in cases()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompts.safetensors");
        for config in strategies() {
            let composition = trained(&config, case);
            PromptFile::from_module(&composition, config.name().into()).write(&path).unwrap();
            let file = PromptFile::read(&path).unwrap();
            let restored = file.apply(fresh(&config, case).1).unwrap();
            for task in tasks(case) {
                let (restored, kept) = (restored.compose(task), composition.compose(task));
                prop_assert_eq!(values(restored), values(kept));
            }
        }
    }
}

#[test]
fn a_rank_above_one_is_used() {
    let case = Case { length: 4, d_model: 5, task_count: 1, seed: 1 };
    let composition = fresh(&CompositionConfig::LowRank(LowRankConfig { rank: 2 }), case).1;
    let noise = Tensor::<2>::random([4, 5], Distribution::Uniform(-1.0, 1.0), &Device::flex());
    let loss = (composition.compose(TaskIndex::new(0)) * noise).sum();
    let gradients = GradientsParams::from_grads(loss.backward(), &composition);
    let optimizer = burn::optim::SgdConfig::new();
    let stepped = optimizer.init().step(0.1, composition, gradients);
    let file = PromptFile::from_module(&stepped, String::new());
    let right = file.tensors()["tasks.0.right"].try_to_vec::<f32>().unwrap();
    let (first, second) = right.split_at(5);
    assert!(second.iter().any(|value| value.abs() > 1e-4), "the second row has left zero");
    assert_ne!(first, second, "the two ranks go different ways");
}

#[test]
fn no_task_is_an_error() {
    for config in strategies() {
        let start = Start {
            shared: Tensor::zeros([4, 6], &Device::flex()),
            task_count: 0,
            task: &|_, length| Ok(Tensor::zeros([length, 6], &Device::flex())),
            seed: 0,
            device: Device::flex(),
        };
        let failure = config.init(&start).unwrap_err().to_string();
        assert_eq!(failure, "a composition needs at least one task, but was given none");
    }
}

#[test]
fn first_values_of_the_wrong_width_are_refused() {
    let start = Start {
        shared: Tensor::zeros([4, 6], &Device::flex()),
        task_count: 2,
        task: &|_, length| Ok(Tensor::zeros([length, 7], &Device::flex())),
        seed: 0,
        device: Device::flex(),
    };
    let config = CompositionConfig::Concat(ConcatConfig { task_length: 3 });
    let failure = config.init(&start).unwrap_err().to_string();
    assert_eq!(failure, "first values of task 0: expected shape [3, 6], found [3, 7]");
}
