use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use mtpt_compose::{Composition, CompositionConfig};
use mtpt_core::Compose;
use mtpt_train::{OptimizerConfig, RunConfig, train};

use crate::small_world::{SmallWorld, config};

/// The values of each parameter, and whether it belongs to a task.
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
    let trained = train(config, &world.data, world.t5.get(), start, None, &mut ()).unwrap();
    [before, parameters(trained.prompts.composition())]
}

/// One step without weight decay: AdamW's first moves each number by the rate, whatever its gradient is.
fn one_step(composition: CompositionConfig) -> RunConfig {
    let mut config = config(composition);
    config.training.steps = 1;
    config.training.optimizer = OptimizerConfig { weight_decay: 0.0, ..OptimizerConfig::default() };
    config
}

#[test]
fn the_first_step_moves_what_is_shared_and_what_tasks_own_by_their_rates() {
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
                // A gradient of zero moves nothing, and one not far from AdamW's epsilon less than the rate; what is left
                // is the rounding of numbers that reach 32.
                assert!(by < rate + 1e-5, "{name}: {by} at a rate of {rate}");
                moved[usize::from(*owned)] += usize::from(by > 0.9 * rate);
            }
        }
        // Plain prompts share nothing, and queries have no gradient while what their attention adds is zero.
        let expected = [name != "separate", name != "attention"];
        assert_eq!(moved.map(|count| count > 0), expected, "{name}: {moved:?}");
    }
}

#[test]
fn two_rates_that_are_the_same_are_one() {
    for composition in CompositionConfig::catalogue() {
        let mut config = config(composition);
        let [_, one] = trained(&config);
        config.training.task_learning_rate = Some(config.training.learning_rate);
        let [_, two] = trained(&config);
        assert!(one == two, "{}", config.composition.name());
    }
}
