use std::fs;

use mtpt_compose::CompositionConfig;
use mtpt_infer::TaskData;
use mtpt_tasks::{Task, TaskConfig};
use mtpt_train::{
    ConfigError, Error, EvaluationConfig, EvaluationEvent, Observer, PromptTuningRun, RunConfig,
    StepEvent, Trained,
};

use crate::small_world::{SmallWorld, config, tokenizer};

/// Records steps and metric values, and ends the run after a step like a crash.
#[derive(Default)]
struct Events {
    steps: Vec<usize>,
    figures: Vec<(usize, f64)>,
    stop_at: Option<usize>,
}

impl Observer for Events {
    fn step(&mut self, event: &StepEvent<'_>) -> mtpt_train::Result<()> {
        self.steps.push(event.step);
        if self.stop_at.is_some_and(|stop| event.step >= stop) {
            return Err(Error::Config(ConfigError::OutOfRange {
                option: "test",
                expected: "over",
                found: 0.0,
            }));
        }
        Ok(())
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> mtpt_train::Result<()> {
        self.figures.push((event.step, event.value));
        Ok(())
    }
}

impl Events {
    /// Returns the mean of the two tasks at each evaluation.
    fn means(&self) -> Vec<(usize, f64)> {
        self.figures.chunks(2).map(|pair| (pair[0].0, (pair[0].1 + pair[1].1) / 2.0)).collect()
    }
}

fn run(
    world: &SmallWorld,
    config: &RunConfig,
    place: Option<(&str, bool)>,
    events: &mut Events,
) -> mtpt_train::Result<Trained> {
    let run = PromptTuningRun::new(config, &world.data, &world.t5).observer(events);
    let run = match place {
        Some((name, resume)) => run.output(world.folder.path().join(name)).resume(resume),
        None => run,
    };
    run.train(world.composition(config))
}

/// Returns a configuration of up to thirty steps with an evaluation after each.
fn patient(patience: usize, min_delta: f64) -> RunConfig {
    let mut config = config(CompositionConfig::default());
    config.training.steps = 30;
    // The events are those of the steps.
    config.evaluation = EvaluationConfig {
        every: 1,
        patience: Some(patience),
        min_delta,
        before: false,
        ..config.evaluation
    };
    config
}

#[test]
fn a_run_ends_after_its_patience_without_progress() {
    let world = SmallWorld::new();
    let mut all = Events::default();
    let mut endless = patient(1, 0.0);
    endless.evaluation.patience = None;
    let trained = run(&world, &endless, None, &mut all).unwrap();
    assert_eq!((trained.stopped_early, all.steps.len()), (None, 30));
    let means = all.means();
    let mut ends = Vec::new();
    for patience in [1, 2, 3, 5] {
        // By definition, the first step with as many evaluations since the best as the patience.
        let best_until = |end: usize| {
            (0..=end).fold(0, |best, at| if means[at].1 > means[best].1 { at } else { best })
        };
        let end = (0..30).find(|&at| at - best_until(at) >= patience).unwrap();
        let mut events = Events::default();
        let trained = run(&world, &patient(patience, 0.0), None, &mut events).unwrap();
        assert_eq!(events.means(), means[..=end], "patience {patience}");
        assert_eq!(events.steps.last(), Some(&(end + 1)));
        assert_eq!(trained.stopped_early, Some(end + 1));
        assert_eq!(trained.step, best_until(end) + 1);
        assert_eq!(trained.score, Some(means[best_until(end)].1));
        ends.push(end);
    }
    assert!(ends.is_sorted() && ends[0] < ends[3], "{ends:?}");
}

#[test]
fn a_resumed_run_ends_at_the_step_of_an_uninterrupted_one() {
    let world = SmallWorld::new();
    // No mean rises by more than 1: one evaluation, then three without progress.
    let config = patient(3, 1.0);
    let mut whole = Events::default();
    let expected = run(&world, &config, Some(("whole", false)), &mut whole).unwrap();
    assert_eq!(expected.stopped_early, Some(4));
    let prompts = |name: &str| fs::read(world.folder.path().join(name).join("prompts.safetensors"));
    // A checkpoint is written at step 3, after two evaluations without progress.
    for stop in [2, 4] {
        let name = format!("stopped at {stop}");
        let mut events = Events { stop_at: Some(stop), ..Events::default() };
        run(&world, &config, Some((&name, false)), &mut events).unwrap_err();
        let mut events = Events::default();
        let trained = run(&world, &config, Some((&name, true)), &mut events).unwrap();
        assert_eq!(trained.stopped_early, Some(4), "stopped at {stop}");
        assert_eq!((trained.step, trained.score), (expected.step, expected.score));
        assert!(prompts(&name).unwrap() == prompts("whole").unwrap(), "stopped at {stop}");
    }
    // A run that has ended stays ended.
    let mut events = Events::default();
    let trained = run(&world, &config, Some(("whole", true)), &mut events).unwrap();
    assert!(events.steps.is_empty() && events.figures.is_empty());
    assert_eq!((trained.stopped_early, trained.step), (Some(4), expected.step));
}

#[test]
fn improvements_below_min_delta_are_stored_but_are_not_progress() {
    let world = SmallWorld::new();
    let mut events = Events::default();
    let trained = run(&world, &patient(7, 1.0), None, &mut events).unwrap();
    assert_eq!(trained.stopped_early, Some(8));
    let means = events.means();
    assert!(means.iter().any(|(_, mean)| *mean > means[0].1), "something was better: {means:?}");
    let best = means.iter().map(|(_, mean)| *mean).fold(0.0, f64::max);
    assert_eq!(trained.score, Some(best));
}

#[test]
fn patience_requires_a_dev_split_and_evaluations() {
    let mut world = SmallWorld::new();
    let mut config = patient(2, 0.0);
    let tasks: Vec<Task> = world
        .tasks
        .iter()
        .map(|task| Task::new(&TaskConfig { dev: None, ..task.config().clone() }).unwrap())
        .collect();
    let lengths = config.max_lengths();
    world.data = TaskData::read(tasks, &tokenizer(), &world.t5, lengths).unwrap();
    let failure = run(&world, &config, None, &mut Events::default()).unwrap_err();
    let expected = "`evaluation.patience` needs a `dev` split, but nothing has one: remove the option, or add a \
         `dev` file";
    assert_eq!(failure.to_string(), expected);
    config.evaluation.every = 0;
    let failure = config.check().unwrap_err().to_string();
    let expected =
        "`evaluation.every` must be at least 1 where `evaluation.patience` is given, found 0";
    assert_eq!(failure, expected);
    config.evaluation = EvaluationConfig { patience: Some(0), ..EvaluationConfig::default() };
    let failure = config.check().unwrap_err().to_string();
    assert_eq!(failure, "`evaluation.patience` must be at least 1, found 0");
    config.evaluation = EvaluationConfig { min_delta: -0.5, ..EvaluationConfig::default() };
    let failure = config.check().unwrap_err().to_string();
    assert_eq!(failure, "`evaluation.min_delta` must be at least 0 and finite, found -0.5");
}
