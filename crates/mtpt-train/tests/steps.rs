use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use mtpt_compose::{Composition, CompositionConfig};
use mtpt_infer::PromptFile;
use mtpt_tasks::{Batch, Split, StochasticTasks, TokenizedExample};
use mtpt_train::{
    AdafactorConfig, AdamWConfig, Decay, OptimizerConfig, PromptTuning, PromptTuningRun, RunConfig,
    Schedule, StepEvent, Trainer,
};

use crate::small_world::{SmallWorld, config, t5};

fn values(composition: &Composition) -> Vec<f32> {
    let file = PromptFile::from_module(composition, String::new());
    file.tensors().values().flat_map(|tensor| tensor.try_to_vec::<f32>().unwrap()).collect()
}

fn batches(world: &SmallWorld, size: usize) -> Vec<Batch> {
    let rows: Vec<&TokenizedExample> =
        world.data.iter().flat_map(|data| data.rows(Split::Train)).collect();
    rows.chunks(size).map(|rows| Batch::of_examples(rows.iter().copied()).unwrap()).collect()
}

fn trainer(
    world: &SmallWorld,
    config: &RunConfig,
    optimizer: &OptimizerConfig,
) -> Trainer<Composition> {
    let names = world.tasks.iter().map(|task| task.id().clone()).collect();
    let schedule = Schedule { peak: 0.1, warmup_steps: 0, steps: 4, decay: Decay::Linear };
    Trainer::new(world.composition(config), optimizer, schedule, names)
}

/// Both optimizers, with epsilons that limit the steps of parameters with tiny gradients.
fn optimizers() -> [OptimizerConfig; 3] {
    let adafactor = AdafactorConfig { epsilon_1: 1e-6, ..AdafactorConfig::default() };
    let factored = AdafactorConfig {
        min_dim_size_to_factor: 2,
        multiply_by_parameter_scale: true,
        beta_1: Some(0.9),
        ..adafactor.clone()
    };
    let adamw = AdamWConfig { epsilon: 1e-3, ..AdamWConfig::default() };
    [adamw.into(), adafactor.into(), factored.into()]
}

#[test]
fn accumulated_batches_equal_one_large_batch() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let objective = PromptTuning::new(&world.t5);
    for optimizer in optimizers() {
        // Targets have two or three tokens, so that a mean of means would yield another step.
        let step = |size: usize| {
            let mut trainer = trainer(&world, &config, &optimizer);
            let before = values(trainer.module());
            let report = trainer.step(&objective, &batches(&world, size)).unwrap();
            let after = values(trainer.module());
            assert!(before.iter().zip(&after).any(|(before, after)| (before - after).abs() > 0.01));
            (report, after)
        };
        let (whole, whole_values) = step(100);
        for size in [1, 5] {
            let (parts, parts_values) = step(size);
            assert_eq!(parts.rows, 32);
            // Sums of 32 examples in another order and with other padding differ by a few units in
            // the last place of an f32.
            assert!((parts.loss - whole.loss).abs() < 1e-5);
            assert!((parts.gradient_norm - whole.gradient_norm).abs() < 1e-5 * whole.gradient_norm);
            for (part, whole) in parts_values.iter().zip(&whole_values) {
                // With a denominator of at least 1e-3, a step of 0.1 amplifies a difference of the
                // gradient by at most 100.
                assert!((part - whole).abs() < 1e-4, "{optimizer:?}: {part} {whole}");
            }
        }
    }
}

#[test]
fn training_lowers_the_loss_of_every_composition() {
    for composition in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let mut config = config(composition);
        config.training.steps = 40;
        config.training.learning_rate = 0.05;
        config.training.checkpoint_every = 0;
        config.evaluation.every = 0;
        struct Losses(Vec<f64>);
        impl mtpt_train::Observer for Losses {
            fn step(&mut self, event: &StepEvent<'_>) -> mtpt_train::Result<()> {
                self.0.push(event.loss);
                Ok(())
            }
        }
        let mut losses = Losses(Vec::new());
        let start = world.composition(&config);
        PromptTuningRun::new(&config, &world.data, &world.t5)
            .observer(&mut losses)
            .train(start)
            .unwrap();
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let (first, last) = (mean(&losses.0[..5]), mean(&losses.0[35..]));
        assert!(last < 0.8 * first, "{}: {first} to {last}", config.composition.name());
    }
}

#[test]
fn a_batch_must_fit_every_task_that_may_be_sampled() {
    let world = SmallWorld::new();
    let run = |most_tasks: usize| {
        let mut config = config(CompositionConfig::default());
        config.mixture.stochastic = Some(StochasticTasks::new(most_tasks));
        let start = world.composition(&config);
        PromptTuningRun::new(&config, &world.data, &world.t5).train(start).map(|_| ())
    };
    let failure = run(13).unwrap_err().to_string();
    assert_eq!(failure, "expected `most_tasks` to be at most `batch_size`, found 13");
    run(12).unwrap();
}

#[test]
fn a_run_is_reproducible_bit_for_bit() {
    let run = || {
        let world = SmallWorld::new();
        let config = config(CompositionConfig::default());
        let start = world.composition(&config);
        let trained = PromptTuningRun::new(&config, &world.data, &world.t5).train(start).unwrap();
        values(trained.prompts.composition())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_and_is_named() {
    struct Poison;
    impl ModuleMapper for Poison {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|value| value.mul_scalar(f32::NAN))
        }
    }
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let poisoned = t5(&Device::flex()).map(&mut Poison);
    let mut trainer = trainer(&world, &config, &OptimizerConfig::default());
    let before = values(trainer.module());
    let failure = trainer.step(&PromptTuning::new(&poisoned), &batches(&world, 8)).unwrap_err();
    let expected = "step 1: the loss is NaN for all 8 rows; check the model, whose values are \
                    too large for its precision";
    assert_eq!(failure.to_string(), expected);
    assert_eq!(before, values(trainer.module()), "the prompts are as they were");
    assert_eq!(trainer.steps_done(), 0);
}
