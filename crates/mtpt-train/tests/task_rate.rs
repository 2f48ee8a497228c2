use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use mtpt_compose::{Composition, CompositionConfig};
use mtpt_core::Compose;
use mtpt_train::{
    AdafactorConfig, AdamWConfig, OptimizerConfig, PromptTuningRun, RunConfig, StepEvent,
};

use crate::small_world::{SmallWorld, config};

/// Values of each parameter, and whether it is task-specific.
fn parameters(composition: &Composition) -> Vec<(bool, Vec<f32>)> {
    struct Collect(Vec<ParamId>, Vec<(bool, Vec<f32>)>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let values = param.val().into_data().try_to_vec().unwrap();
            self.1.push((self.0.contains(&param.id), values));
        }
    }
    let mut collect = Collect(composition.task_parameters(), Vec::new());
    composition.visit(&mut collect);
    collect.1
}

/// Parameters before and after training.
fn trained(config: &RunConfig) -> [Vec<(bool, Vec<f32>)>; 2] {
    let world = SmallWorld::new();
    let start = world.composition(config);
    let before = parameters(&start);
    let trained = PromptTuningRun::new(config, &world.data, &world.t5).train(start).unwrap();
    [before, parameters(trained.prompts.composition())]
}

/// One step without weight decay: AdamW's first step changes each value by the learning rate,
/// whatever its gradient is.
fn one_step(composition: CompositionConfig) -> RunConfig {
    let mut config = config(composition);
    config.training.steps = 1;
    config.training.optimizer = OptimizerConfig::default().with_weight_decay(0.0);
    config
}

#[test]
fn the_first_step_uses_the_learning_rate_of_each_group() {
    for composition in CompositionConfig::catalogue() {
        let name = composition.name();
        let mut config = one_step(composition);
        config.training.learning_rate = 0.125;
        config.training.task_learning_rate = Some(0.03125);
        let [before, after] = trained(&config);
        let mut moved = [0, 0];
        for ((owned, before), (owned_after, after)) in before.iter().zip(&after) {
            assert_eq!(owned, owned_after, "{name}");
            let rate = if *owned { 0.03125 } else { 0.125 };
            for (before, after) in before.iter().zip(after) {
                let by = (after - before).abs();
                // A gradient of zero changes nothing, and one near AdamW's epsilon changes less
                // than the learning rate. The rest is rounding of values up to 32.
                assert!(by < rate + 1e-5, "{name}: {by} at a rate of {rate}");
                moved[usize::from(*owned)] += usize::from(by > 0.9 * rate);
            }
        }
        // Plain prompts have no shared parameters, and queries have no gradient while the
        // attention's output is zero.
        let expected = [name != "separate", name != "attention"];
        assert_eq!(moved.map(|count| count > 0), expected, "{name}: {moved:?}");
    }
}

#[test]
fn equal_learning_rates_equal_one() {
    for composition in CompositionConfig::catalogue() {
        let mut config = config(composition);
        let [_, one] = trained(&config);
        config.training.task_learning_rate = Some(config.training.learning_rate);
        let [_, two] = trained(&config);
        assert!(one == two, "{}", config.composition.name());
    }
}

fn adafactor() -> OptimizerConfig {
    AdafactorConfig { min_dim_size_to_factor: 2, ..AdafactorConfig::default() }.into()
}

#[test]
fn equal_weight_decays_equal_one() {
    for composition in CompositionConfig::catalogue() {
        for optimizer in [OptimizerConfig::default(), adafactor()] {
            let mut config = config(composition.clone());
            config.training.optimizer = optimizer.with_weight_decay(0.01);
            let [_, one] = trained(&config);
            config.training.task_weight_decay = Some(0.01);
            let [_, two] = trained(&config);
            assert!(one == two, "{}", config.composition.name());
        }
    }
}

#[test]
fn weight_decay_applies_to_its_group_only() {
    const RATE: f32 = 0.125;
    let mut decayed = [0, 0];
    for composition in CompositionConfig::catalogue() {
        let name = composition.name();
        // AdamW multiplies the weight decay by the learning rate, Adafactor does not.
        for (optimizer, factor) in [(OptimizerConfig::default(), RATE), (adafactor(), 1.0)] {
            let mut config = one_step(composition.clone());
            config.training.learning_rate = f64::from(RATE);
            config.training.optimizer = optimizer.clone().with_weight_decay(0.0);
            let [before, without] = trained(&config);
            for [shared, owned] in [[0.0, 0.25], [0.25, 0.0]] {
                config.training.optimizer = optimizer.clone().with_weight_decay(shared);
                config.training.task_weight_decay = Some(owned);
                let [_, with] = trained(&config);
                for (((is_owned, before), (_, without)), (_, with)) in
                    before.iter().zip(&without).zip(&with)
                {
                    let share = factor * if *is_owned { owned } else { shared };
                    for ((before, without), with) in before.iter().zip(without).zip(with) {
                        // `x (1 - decay) - step` compared with `x - step`. A parameter without a
                        // gradient is unchanged. The rest is rounding of values up to 32.
                        let expected = if before == without && with == without {
                            *without
                        } else {
                            without - share * before
                        };
                        assert!((with - expected).abs() < 1e-5, "{name}: {with} {expected}");
                        assert!(share > 0.0 || with == without, "{name}: {with} {without}");
                        let much = before != without && (share * before).abs() > 1e-3;
                        decayed[usize::from(*is_owned)] += usize::from(much);
                    }
                }
            }
        }
    }
    assert!(decayed.iter().all(|&count| count > 1000), "{decayed:?}");
}

/// Returns the norm of the change of shared and of task-specific parameters.
fn moved_by([before, after]: &[Vec<(bool, Vec<f32>)>; 2]) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for ((owned, before), (_, after)) in before.iter().zip(after) {
        for (before, after) in before.iter().zip(after) {
            sums[usize::from(*owned)] += f64::from(after - before).powi(2);
        }
    }
    sums.map(f64::sqrt)
}

#[test]
fn each_group_is_clipped_separately() {
    // With such an epsilon, AdamW's first step is the gradient times the learning rate over
    // epsilon.
    let optimizer = |clip_norm| -> OptimizerConfig {
        AdamWConfig { epsilon: 1e4, clip_norm, weight_decay: 0.0, ..AdamWConfig::default() }.into()
    };
    for composition in CompositionConfig::catalogue() {
        let name = composition.name();
        let mut config = one_step(composition);
        config.training.learning_rate = 1e4;
        let mut run = |clip_norm, task_clip_norm| {
            config.training.optimizer = optimizer(clip_norm);
            config.training.task_clip_norm = task_clip_norm;
            trained(&config)
        };
        let free = moved_by(&run(None, None));
        assert!(
            free[0].hypot(free[1]) > 0.2,
            "{name}: {free:?}, so that there is something to clip"
        );
        let limits = [0.02, 0.03];
        let clipped = moved_by(&run(Some(limits[0]), Some(limits[1])));
        for part in [0, 1] {
            // Rounding of some hundred values up to 32, with steps of 0.02.
            let expected = free[part].min(limits[part]);
            assert!((clipped[part] - expected).abs() < 1e-3, "{name}: {clipped:?} {free:?}");
        }
        // A limit doesn't affect the other group.
        let no_limit = [run(Some(limits[0]), Some(f64::INFINITY)), run(None, Some(limits[1]))];
        for (part, run) in [1, 0].into_iter().zip(&no_limit) {
            let moved = moved_by(run);
            assert!((moved[part] - free[part]).abs() <= 1e-4 * free[part], "{name}: {moved:?}");
            assert!((moved[1 - part] - clipped[1 - part]).abs() < 1e-3, "{name}: {moved:?}");
        }
        // Without their own limit, task-specific parameters are part of the global norm.
        let together = moved_by(&run(Some(0.02), None));
        assert!((together[0].hypot(together[1]) - 0.02).abs() < 1e-3, "{name}: {together:?}");
    }
}

#[test]
fn clipping_limits_above_the_norm_change_nothing() {
    for composition in CompositionConfig::catalogue() {
        for optimizer in
            [AdamWConfig { clip_norm: None, ..AdamWConfig::default() }.into(), adafactor()]
        {
            let mut config = config(composition.clone());
            config.training.optimizer = optimizer;
            let [_, without] = trained(&config);
            config.training.task_clip_norm = Some(f64::INFINITY);
            let [_, with] = trained(&config);
            assert!(without == with, "{}", config.composition.name());
        }
    }
}

#[test]
fn a_step_reports_the_task_learning_rate_if_there_is_one() {
    #[derive(Default)]
    struct Rates(Vec<(f64, Option<f64>)>);
    impl mtpt_train::Observer for Rates {
        fn step(&mut self, event: &StepEvent<'_>) -> mtpt_train::Result<()> {
            self.0.push((event.learning_rate, event.task_learning_rate));
            Ok(())
        }
    }
    let world = SmallWorld::new();
    let mut config = config(CompositionConfig::default());
    config.training.steps = 4;
    config.training.learning_rate = 0.5;
    let rates = |config: &RunConfig| {
        let mut rates = Rates::default();
        let start = world.composition(config);
        PromptTuningRun::new(config, &world.data, &world.t5)
            .observer(&mut rates)
            .train(start)
            .unwrap();
        rates.0
    };
    let shared = [0.5, 0.375, 0.25, 0.125];
    assert_eq!(rates(&config), shared.map(|rate| (rate, None)));
    config.training.task_weight_decay = Some(0.5);
    assert_eq!(rates(&config), shared.map(|rate| (rate, None)));
    config.training.task_learning_rate = Some(0.25);
    assert_eq!(rates(&config), shared.map(|rate| (rate, Some(rate / 2.0))));
}
