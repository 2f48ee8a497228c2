//! Runs that are resumed with more steps.

use std::fs;

use mtpt_compose::CompositionConfig;
use mtpt_tasks::StochasticTasks;
use mtpt_train::{AdafactorConfig, CheckpointError, Decay, Error, RunConfig};

use crate::resume::{StopAt, metrics, run};
use crate::small_world::{SmallWorld, config};

fn with_steps(config: &RunConfig, steps: usize) -> RunConfig {
    let mut config = config.clone();
    config.training.steps = steps;
    config
}

/// Checks that a run extended from some numbers of steps equals an uninterrupted one, bit by bit:
/// prompts, losses, metric values, and outcome.
#[track_caller]
fn check_extended(config: &RunConfig, lengths: &[usize]) {
    let world = SmallWorld::new();
    let (whole, outcome) = run(&world, config, "whole", false, &mut ());
    outcome.unwrap();
    for &length in lengths {
        let name = format!("{length} steps");
        run(&world, &with_steps(config, length), &name, false, &mut ()).1.unwrap();
        let (parts, outcome) = run(&world, config, &name, true, &mut ());
        outcome.unwrap();
        assert!(
            fs::read(parts.prompts()).unwrap() == fs::read(whole.prompts()).unwrap(),
            "from {name}"
        );
        assert_eq!(metrics(&parts), metrics(&whole), "from {name}");
        let outcome = [&parts, &whole].map(|run| fs::read_to_string(run.outcome()).unwrap());
        assert_eq!(outcome[0], outcome[1], "from {name}");
    }
}

/// A run of eleven steps that is evaluated after every third and samples two tasks per step.
fn extensible(decay: Decay) -> RunConfig {
    let mut config = config(CompositionConfig::default());
    config.training.steps = 11;
    config.training.decay = decay;
    config.evaluation.every = 3;
    config.mixture.stochastic = Some(StochasticTasks::new(2));
    config
}

#[test]
fn an_extended_run_ends_like_an_uninterrupted_one() {
    for decay in [Decay::Constant, Decay::InverseSquareRoot] {
        for warmup_steps in [0, 4] {
            let mut config = extensible(decay);
            config.training.warmup_steps = warmup_steps;
            // After 6 steps an evaluation was due anyway, after 5 and 7 only because the run ended.
            check_extended(&config, &[5, 6, 7]);
        }
    }
    let mut config = extensible(Decay::Constant);
    config.training.task_learning_rate = Some(0.03);
    config.training.checkpoint_every = 100;
    check_extended(&config, &[1, 10]);
    // Without evaluations in between, each end of the run is evaluated.
    config.evaluation.every = 0;
    check_extended(&config, &[4]);
}

#[test]
fn an_extended_adafactor_run_ends_like_an_uninterrupted_one() {
    let mut config = extensible(Decay::InverseSquareRoot);
    let optimizer = AdafactorConfig {
        min_dim_size_to_factor: 2,
        multiply_by_parameter_scale: true,
        beta_1: Some(0.9),
        ..AdafactorConfig::default()
    };
    config.training.optimizer = optimizer.into();
    check_extended(&config, &[4, 9]);
}

#[test]
fn patience_of_an_extended_run_ignores_the_additional_evaluation() {
    for (patience, min_delta) in [(1, 1.0), (2, 1.0), (2, 0.0)] {
        let mut config = extensible(Decay::Constant);
        config.training.steps = 20;
        config.evaluation.patience = Some(patience);
        config.evaluation.min_delta = min_delta;
        // With a patience of 1, the evaluation after step 4 would end the run.
        check_extended(&config, &[2, 4, 5, 7]);
    }
}

#[test]
fn an_interrupted_extension_ends_like_an_uninterrupted_run() {
    let world = SmallWorld::new();
    let config = extensible(Decay::Constant);
    let (whole, outcome) = run(&world, &config, "whole", false, &mut ());
    outcome.unwrap();
    let (parts, outcome) = run(&world, &with_steps(&config, 4), "parts", false, &mut ());
    outcome.unwrap();
    assert!(parts.outcome().is_file() && parts.evaluation().is_file());
    run(&world, &with_steps(&config, 8), "parts", true, &mut StopAt(7)).1.unwrap_err();
    // They don't describe the prompts that are saved now.
    assert!(!parts.outcome().exists() && !parts.evaluation().exists());
    run(&world, &with_steps(&config, 8), "parts", true, &mut ()).1.unwrap();
    let (parts, outcome) = run(&world, &config, "parts", true, &mut ());
    outcome.unwrap();
    assert!(fs::read(parts.prompts()).unwrap() == fs::read(whole.prompts()).unwrap());
    assert_eq!(metrics(&parts), metrics(&whole));
}

#[test]
fn the_interval_of_checkpoints_may_change() {
    let world = SmallWorld::new();
    let mut config = config(CompositionConfig::default());
    let (whole, outcome) = run(&world, &config, "whole", false, &mut ());
    outcome.unwrap();
    run(&world, &config, "parts", false, &mut StopAt(5)).1.unwrap_err();
    config.training.checkpoint_every = 1;
    let (parts, outcome) = run(&world, &config, "parts", true, &mut ());
    outcome.unwrap();
    assert!(fs::read(parts.prompts()).unwrap() == fs::read(whole.prompts()).unwrap());
    assert_eq!(metrics(&parts), metrics(&whole));
}

#[test]
fn runs_whose_learning_rates_depend_on_their_length_are_not_extended() {
    let world = SmallWorld::new();
    for (decay, name) in [(Decay::Linear, "linear"), (Decay::Cosine, "cosine")] {
        let config = extensible(decay);
        let (folder, outcome) = run(&world, &with_steps(&config, 6), name, false, &mut ());
        outcome.unwrap();
        let before = fs::read(folder.prompts()).unwrap();
        let failure = run(&world, &config, name, true, &mut ()).1.unwrap_err();
        let Error::Checkpoint(CheckpointError::NotExtendable { before: 6, steps: 11, .. }) =
            &failure
        else {
            panic!("{failure}")
        };
        assert!(failure.to_string().contains(&format!("`decay = \"{name}\"`")), "{failure}");
        assert!(before == fs::read(folder.prompts()).unwrap());
        assert!(folder.outcome().exists());
    }
}

#[test]
fn runs_are_not_shortened() {
    let world = SmallWorld::new();
    let config = extensible(Decay::Constant);
    run(&world, &config, "run", false, &mut ()).1.unwrap();
    let failure = run(&world, &with_steps(&config, 9), "run", true, &mut ()).1.unwrap_err();
    assert!(failure.to_string().contains("it has done 11 steps, more than"), "{failure}");
    // A run that has not gone so far may end earlier than planned.
    run(&world, &config, "stopped", false, &mut StopAt(5)).1.unwrap_err();
    let (shorter, outcome) = run(&world, &with_steps(&config, 7), "stopped", true, &mut ());
    outcome.unwrap();
    let (direct, outcome) = run(&world, &with_steps(&config, 7), "direct", false, &mut ());
    outcome.unwrap();
    assert!(fs::read(shorter.prompts()).unwrap() == fs::read(direct.prompts()).unwrap());
    assert_eq!(metrics(&shorter), metrics(&direct));
    // Any other difference is reported first.
    let mut other = with_steps(&config, 20);
    other.seed = 9;
    let failure = run(&world, &other, "run", true, &mut ()).1.unwrap_err();
    assert!(failure.to_string().contains("`seed` was 5, and is now 9"), "{failure}");
}
