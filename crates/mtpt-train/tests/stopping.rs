//! Runs that are ended early, by their observer or by a crash, and resumed.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use mtpt_compose::CompositionConfig;
use mtpt_infer::PromptFile;
use mtpt_infer::{Prompts, TaskData};
use mtpt_tasks::{StochasticTasks, Task, TaskConfig};
use mtpt_train::{
    AdafactorConfig, ConfigError, Decay, Error, EvaluationEvent, Observer, PromptTuningRun,
    RunConfig, RunDir, StepEvent,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::resume::{metrics, run};
use crate::small_world::{SmallWorld, config, tokenizer};

/// How a run ends early.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Stopped by the observer at the nth call.
    Asked(usize),
    /// With an error at the nth step or metric value, like a crash: nothing more is written.
    Crash(usize),
}

struct Early {
    end: End,
    counted: Cell<usize>,
}

impl Early {
    fn new(end: End) -> Self {
        Self { end, counted: Cell::new(0) }
    }

    fn count(&self) -> usize {
        self.counted.set(self.counted.get() + 1);
        self.counted.get()
    }

    fn crash(&self) -> mtpt_train::Result<()> {
        match self.end {
            End::Crash(at) if self.count() == at => Err(Error::Config(ConfigError::OutOfRange {
                option: "test",
                expected: "over",
                found: 0.0,
            })),
            _ => Ok(()),
        }
    }
}

impl Observer for Early {
    fn step(&mut self, _event: &StepEvent<'_>) -> mtpt_train::Result<()> {
        self.crash()
    }

    fn evaluation(&mut self, _event: &EvaluationEvent<'_>) -> mtpt_train::Result<()> {
        self.crash()
    }

    fn stop(&self) -> bool {
        matches!(self.end, End::Asked(at) if self.count() >= at)
    }
}

/// For every strategy, with other settings sampled: a run that is ended twice, by a crash or by its
/// observer, at a step or within an evaluation, ends with the same prompts and log as an
/// uninterrupted one.
#[test]
fn stopped_runs_end_like_uninterrupted_ones() {
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let mut ended = [0; 2];
    for composition in
        CompositionConfig::catalogue().into_iter().chain([CompositionConfig::default()])
    {
        let world = SmallWorld::new();
        let mut config = config(composition);
        config.seed = rng.random_range(0..1000);
        config.training.steps = 6;
        config.training.batch_size = 7;
        config.training.micro_batch_size = rng.random_bool(0.5).then(|| rng.random_range(1..7));
        config.training.warmup_steps = rng.random_range(0..4);
        config.training.decay =
            [Decay::Linear, Decay::Constant, Decay::Cosine, Decay::InverseSquareRoot]
                [rng.random_range(0..4)];
        config.training.task_learning_rate = rng.random_bool(0.3).then_some(0.02);
        config.training.checkpoint_every = rng.random_range(0..4);
        config.evaluation.every = rng.random_range(0..4);
        if rng.random_bool(0.4) {
            config.training.optimizer = AdafactorConfig::default().into();
        }
        config.evaluation.patience = rng.random_bool(0.4).then(|| rng.random_range(1..3));
        if rng.random_bool(0.5) {
            config.mixture.stochastic = Some(StochasticTasks::new(rng.random_range(2..5)));
        }
        let (whole, outcome) = run(&world, &config, "whole", false, &mut ());
        outcome.unwrap();
        let ends = [(); 2].map(|()| {
            if rng.random_bool(0.6) {
                End::Asked(rng.random_range(1..9))
            } else {
                End::Crash(rng.random_range(1..12))
            }
        });
        let case = format!("{config:?} {ends:?}");
        for (resume, end) in ends.into_iter().enumerate() {
            // The run may complete first.
            let (_, outcome) = run(&world, &config, "parts", resume > 0, &mut Early::new(end));
            match (outcome, end) {
                (Err(Error::Stopped { checkpoint, .. }), End::Asked(_)) => {
                    assert!(checkpoint.unwrap().is_dir(), "{case}");
                    ended[0] += 1;
                }
                (
                    Err(Error::Config(ConfigError::OutOfRange { option: "test", .. })),
                    End::Crash(_),
                ) => ended[1] += 1,
                (Ok(()), _) => {}
                (Err(other), _) => panic!("{other}: {case}"),
            }
        }
        let (parts, outcome) = run(&world, &config, "parts", true, &mut ());
        outcome.unwrap();
        assert!(fs::read(parts.prompts()).unwrap() == fs::read(whole.prompts()).unwrap(), "{case}");
        assert_eq!(metrics(&parts), metrics(&whole), "{case}");
    }
    assert!(ended[0] >= 5 && ended[1] >= 3, "the draws end runs in both ways: {ended:?}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn stopped(world: &SmallWorld, config: &RunConfig, resume: bool, at: usize) -> (RunDir, usize) {
    let (folder, outcome) = run(world, config, "run", resume, &mut Early::new(End::Asked(at)));
    match outcome.unwrap_err() {
        Error::Stopped { step, steps, checkpoint } => {
            assert_eq!(steps, config.training.steps);
            let place = checkpoint.unwrap();
            let message = format!(
                "stopped after step {step} of {steps}; resume from `{}` to continue",
                place.display()
            );
            let (steps, checkpoint) = (config.training.steps, Some(place));
            assert_eq!(Error::Stopped { step, steps, checkpoint }.to_string(), message);
            (folder, step)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_run_without_checkpoints_writes_one_when_it_is_stopped() {
    let world = SmallWorld::new();
    let mut config = config(CompositionConfig::default());
    config.training.checkpoint_every = 0;
    config.evaluation.every = 0;
    config.evaluation.before = false;
    let (folder, step) = stopped(&world, &config, false, 5);
    assert_eq!(step, 5);
    assert_eq!(names(&folder.checkpoints()), ["step-00000005"]);
    let steps: Vec<_> = metrics(&folder).iter().map(|line| line["step"].clone()).collect();
    assert_eq!(steps, [1, 2, 3, 4, 5]);
}

#[test]
fn an_interrupted_evaluation_is_repeated() {
    let world = SmallWorld::new();
    let mut config = config(CompositionConfig::default());
    config.evaluation.before = false;
    let (whole, outcome) = run(&world, &config, "whole", false, &mut ());
    outcome.unwrap();
    // After step 1, after step 2, between the two tasks.
    let (folder, step) = stopped(&world, &config, false, 3);
    assert_eq!(step, 2);
    assert_eq!(names(&folder.checkpoints()), ["step-00000002-unjudged"]);
    assert_eq!(metrics(&folder).len(), 3, "two steps and the figure of one task");
    // It is interrupted again, when the checkpoint already exists.
    let place = folder.checkpoints().join("step-00000002-unjudged/state.json");
    let written = fs::metadata(&place).unwrap().modified().unwrap();
    let (folder, step) = stopped(&world, &config, true, 1);
    assert_eq!((step, names(&folder.checkpoints()).len()), (2, 1));
    assert_eq!(fs::metadata(&place).unwrap().modified().unwrap(), written);
    let (folder, outcome) = run(&world, &config, "run", true, &mut ());
    outcome.unwrap();
    assert!(fs::read(folder.prompts()).unwrap() == fs::read(whole.prompts()).unwrap());
    assert_eq!(metrics(&folder), metrics(&whole));
}

#[test]
fn a_run_without_output_can_be_stopped() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let start = world.composition(&config);
    let mut early = ((), Early::new(End::Asked(4)));
    let outcome =
        PromptTuningRun::new(&config, &world.data, &world.t5).observer(&mut early).train(start);
    let error = outcome.map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Stopped { step: 3, steps: 8, checkpoint: None }), "{error}");
    assert_eq!(error.to_string(), "stopped after step 3 of 8");
}

#[test]
fn a_stopped_run_without_dev_saves_its_last_prompts() {
    let mut world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let without_dev =
        |task: &Task| Task::new(&TaskConfig { dev: None, ..task.config().clone() }).unwrap();
    let tasks = world.tasks.iter().map(without_dev).collect();
    world.data = TaskData::read(tasks, &tokenizer(), &world.t5, config.max_lengths()).unwrap();
    let (folder, _) = stopped(&world, &config, false, 5);
    let prompts = Prompts::read(&folder.prompts(), &Device::flex()).unwrap();
    assert_eq!(prompts.header().steps, 5);
    let last = PromptFile::read(&folder.checkpoints().join("step-00000005/last.safetensors"));
    let kept = PromptFile::from_module(prompts.composition(), String::new());
    assert_eq!(kept.tensors(), last.unwrap().tensors());
}

#[cfg(unix)]
#[test]
fn two_runs_do_not_write_to_one_directory() {
    /// Starts another run in the directory after a step.
    struct Second<'a>(&'a SmallWorld, &'a RunConfig, usize);
    impl Observer for Second<'_> {
        fn step(&mut self, _event: &StepEvent<'_>) -> mtpt_train::Result<()> {
            for resume in [false, true] {
                let (folder, outcome) = run(self.0, self.1, "run", resume, &mut ());
                let expected = format!(
                    "`{}` is in use by another run: wait until it has ended, or choose another \
                     directory",
                    folder.path().display()
                );
                assert_eq!(outcome.unwrap_err().to_string(), expected);
                self.2 += 1;
            }
            Ok(())
        }
    }
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let mut second = Second(&world, &config, 0);
    run(&world, &config, "run", false, &mut second).1.unwrap();
    assert_eq!(second.2, 16);
    run(&world, &config, "run", true, &mut ()).1.unwrap();
}
