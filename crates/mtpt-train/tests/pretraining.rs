//! Continued pretraining of a whole model on text and tasks.

use std::cell::Cell;
use std::fs;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use mtpt_t5::T5;
use mtpt_tasks::corpus::{Corpus, CorpusFile};
use mtpt_tasks::{Batch, MaxLengths, Mixture, Split, StochasticTasks, Task, TokenizedExample};
use mtpt_train::{
    AdafactorConfig, ConfigError, Error, EvaluationEvent, FullFineTuning, Observer, Pretrained,
    PretrainingConfig, PretrainingData, PretrainingRun, RunDir, StepEvent, Trainer, TrainingConfig,
    mean_loss,
};
use serde_json::Value;

use crate::small_world::{SmallWorld, t5, tokenizer};

/// Tokens of no word other than the end-of-sequence token.
const SENTINELS: [u32; 4] = [95, 93, 92, 91];
const LENGTHS: MaxLengths = MaxLengths { input: 24, target: 24 };

const SPANS: &str = "[[corpora]]\nname = 'spans'\ntrain = 'train.txt'\ndev = 'dev.txt'\n\
                     objective = 'span_corruption'\n";
const PREFIX: &str = "[[corpora]]\nname = 'lm'\ntrain = 'train.txt'\ndev = 'dev.txt'\n\
                      objective = 'prefix_lm'\nweight = 2\n";

/// Writes repeated sentences for training and, fewer, for `dev`.
fn corpora(world: &SmallWorld, text: &str) -> Vec<Corpus> {
    let sentences =
        ["the day was bright and warm", "all night rain fell on the roof", "so it goes"];
    let lines = |rows: usize| -> String {
        (0..rows).map(|row| format!("{}\n", sentences[row % 3])).collect()
    };
    fs::write(world.folder.path().join("train.txt"), lines(60)).unwrap();
    fs::write(world.folder.path().join("dev.txt"), lines(12)).unwrap();
    CorpusFile::parse(text, &world.folder.path().join("run.toml")).unwrap().into_corpora()
}

fn model() -> T5 {
    t5(&Device::flex().autodiff())
}

fn data(world: &SmallWorld, tasks: Vec<Task>, text: &str) -> PretrainingData {
    let corpora = corpora(world, text);
    let (model, tokenizer) = (model(), tokenizer());
    let reader = PretrainingData::reader(&model, &tokenizer, LENGTHS).sentinels(&SENTINELS);
    reader.read(tasks, corpora).unwrap()
}

/// Eight steps of six examples, with checkpoints every three steps.
fn config() -> PretrainingConfig {
    let mut config = PretrainingConfig::new("small");
    config.seed = 5;
    config.training = TrainingConfig {
        steps: 8,
        batch_size: 6,
        learning_rate: 3e-3,
        checkpoint_every: 3,
        ..config.training
    };
    config.evaluation.every = 2;
    config
}

/// Returns the bits of all weights.
fn bits<M: Module>(module: &M) -> Vec<u32> {
    struct Bits(Vec<u32>);
    impl ModuleVisitor for Bits {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let data = param.val().without_autodiff().into_data();
            self.0.extend(data.iter::<f32>().map(f32::to_bits));
        }
    }
    let mut bits = Bits(Vec::new());
    module.visit(&mut bits);
    bits.0
}

/// Records all events.
#[derive(Default)]
struct Events {
    steps: Vec<f64>,
    figures: Vec<(usize, String, String, f64)>,
}

impl Observer for Events {
    fn step(&mut self, event: &StepEvent<'_>) -> mtpt_train::Result<()> {
        self.steps.push(event.loss);
        Ok(())
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> mtpt_train::Result<()> {
        let (task, metric) = (event.task.to_string(), event.metric.to_owned());
        self.figures.push((event.step, task, metric, event.value));
        Ok(())
    }
}

#[test]
fn losses_on_dev_fall_for_each_objective() {
    let world = SmallWorld::new();
    for (name, text) in [("spans", SPANS), ("lm", PREFIX)] {
        let data = data(&world, Vec::new(), text);
        let mut config = config();
        config.training.steps = 100;
        config.evaluation.every = 100;
        let mut events = Events::default();
        let trained =
            PretrainingRun::new(&config, &data).observer(&mut events).train(model()).unwrap();
        assert_eq!(events.steps.len(), 100);
        let [(0, _, _, before), (100, task, metric, after)] = &events.figures[..] else {
            panic!("{:?}", events.figures)
        };
        assert_eq!((task.as_str(), metric.as_str()), (name, EvaluationEvent::LOSS));
        assert!(*after < 0.6 * before, "{name}: {before} to {after}");
        assert_eq!(trained.losses.len(), 1);
        assert_eq!(trained.losses[0].1, *after);
        // The result equals the reported values.
        let rows = data.corpora()[0].dev_rows(0);
        assert_eq!(mean_loss(&trained.model, &rows, 64).unwrap(), *after);
    }
}

#[test]
fn the_mean_loss_does_not_depend_on_the_batches() {
    let world = SmallWorld::new();
    let data = data(&world, Vec::new(), PREFIX);
    let rows = data.corpora()[0].dev_rows(0);
    let model = model().valid();
    let whole = mean_loss(&model, &rows, 64).unwrap();
    let tokens: usize = rows.iter().map(|row| row.target_ids.len()).sum();
    let sum: f64 = rows
        .iter()
        .map(|row| {
            let loss = mean_loss(&model, std::slice::from_ref(row), 1).unwrap();
            loss * row.target_ids.len() as f64
        })
        .sum();
    // Sums with and without padding differ by a few units in the last place of an f32.
    assert!((whole - sum / tokens as f64).abs() < 1e-5 * whole, "{whole} {}", sum / tokens as f64);
}

#[test]
fn training_on_tasks_equals_full_fine_tuning() {
    let world = SmallWorld::new();
    let data = data(&world, world.tasks.clone(), "");
    let config = PretrainingConfig { dropout: false, ..config() };
    let mut events = Events::default();
    let trained = PretrainingRun::new(&config, &data).observer(&mut events).train(model()).unwrap();

    let sizes: Vec<usize> = data.tasks().iter().map(|task| task.rows(Split::Train).len()).collect();
    let mixture = Mixture::new(&config.mixture, &sizes, config.seed).unwrap();
    let frozen_dropout = model().freeze().set_require_grad(true);
    let schedule = config.training.schedule();
    let names = data.names().to_vec();
    let mut trainer = Trainer::new(frozen_dropout, &config.training.optimizer, schedule, names);
    let mut losses = Vec::new();
    for step in 0..8 {
        let picks = mixture.batch(step, config.training.batch_size);
        let mut rows: Vec<&TokenizedExample> = picks
            .iter()
            .map(|pick| &data.tasks()[pick.task].rows(Split::Train)[pick.row])
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.input_ids.len()));
        let batch = Batch::of_examples(rows).unwrap();
        losses.push(trainer.step(&FullFineTuning, &[batch]).unwrap().loss);
    }
    assert_eq!(events.steps, losses);
    assert!(bits(&trained.model) == bits(trainer.module()), "the same weights, bit for bit");
    // Tasks are also evaluated by their metrics.
    let metrics: Vec<&str> = events.figures[..4].iter().map(|figure| figure.2.as_str()).collect();
    assert_eq!(metrics, ["loss", "accuracy", "loss", "accuracy"]);
}

#[test]
fn dropout_is_inactive_unless_enabled() {
    let world = SmallWorld::new();
    let text = "[[corpora]]\nname = 'lm'\ntrain = 'one.txt'\nobjective = 'prefix_lm'\n";
    // A chunk of two tokens can be divided in only one way.
    fs::write(world.folder.path().join("one.txt"), "sun rain\n").unwrap();
    let data = data(&world, Vec::new(), text);
    let mut config = config();
    config.training.steps = 1;
    let mut events = Events::default();
    PretrainingRun::new(&config, &data).observer(&mut events).train(model()).unwrap();
    let row = data.corpora()[0].row(0, 0, 0, 0);
    let expected = mean_loss(&model().valid(), &[row], 1).unwrap();
    // The same operations with and without gradients.
    assert!((events.steps[0] - expected).abs() < 1e-6 * expected, "{:?} {expected}", events.steps);
}

fn run(
    world: &SmallWorld,
    config: &PretrainingConfig,
    name: &str,
    resume: bool,
    observer: &mut impl Observer,
) -> (RunDir, mtpt_train::Result<Pretrained<T5>>) {
    let data = data(world, world.tasks.clone(), &format!("{SPANS}{PREFIX}"));
    let folder = RunDir::create(&world.folder.path().join(name)).unwrap();
    let run = PretrainingRun::new(config, &data).output(&folder).resume(resume);
    let trained = run.observer(observer).train(model());
    (folder, trained)
}

/// Returns the lines of a log without durations.
fn metrics(folder: &RunDir) -> Vec<Value> {
    fs::read_to_string(folder.metrics())
        .unwrap()
        .lines()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line.as_object_mut().unwrap().remove("seconds");
            line
        })
        .collect()
}

/// Ends the run after a step like a crash.
struct StopAt(usize);

impl Observer for StopAt {
    fn step(&mut self, event: &StepEvent<'_>) -> mtpt_train::Result<()> {
        if event.step < self.0 {
            return Ok(());
        }
        Err(Error::Config(ConfigError::OutOfRange { option: "test", expected: "over", found: 0.0 }))
    }
}

#[test]
fn an_interrupted_run_ends_like_an_uninterrupted_one() {
    let world = SmallWorld::new();
    let config = config();
    let (whole, outcome) = run(&world, &config, "whole", false, &mut ());
    let expected = outcome.unwrap();
    assert!(bits(&expected.model) != bits(&model()), "something was learned");
    // Checkpoints are written at steps 3 and 6.
    for stop in [2, 4, 7] {
        let name = format!("stopped at {stop}");
        run(&world, &config, &name, false, &mut StopAt(stop)).1.unwrap_err();
        let (parts, outcome) = run(&world, &config, &name, true, &mut ());
        let found = outcome.unwrap();
        assert!(bits(&found.model) == bits(&expected.model), "stopped at {stop}");
        assert_eq!(found.losses, expected.losses);
        assert_eq!(metrics(&parts), metrics(&whole), "stopped at {stop}");
    }
    // Resuming a completed run does nothing and returns the same.
    let mut events = Events::default();
    let (_, again) = run(&world, &config, "whole", true, &mut events);
    let again = again.unwrap();
    assert!(events.steps.is_empty() && events.figures.is_empty());
    assert!(bits(&again.model) == bits(&expected.model));
    assert_eq!((again.step, again.losses), (8, expected.losses));
}

/// Stops the run after a number of calls.
struct EndAfter(Cell<usize>);

impl Observer for EndAfter {
    fn stop(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left == 0
    }
}

#[test]
fn a_stopped_run_resumes_bit_for_bit() {
    let world = SmallWorld::new();
    for (every, dropout) in [(0, false), (3, true)] {
        let mut config = config();
        config.training.checkpoint_every = every;
        config.dropout = dropout;
        let (whole, outcome) = run(&world, &config, "whole", false, &mut ());
        let expected = outcome.unwrap();
        // Called within the evaluation before the first step, after steps, and within later
        // evaluations.
        for asked in [0, 1, 4, 6, 9, 11, 20] {
            let name = format!("ended after {asked} of {every}");
            let mut end = EndAfter(Cell::new(asked));
            let error = run(&world, &config, &name, false, &mut end).1.map(|_| ()).unwrap_err();
            let Error::Stopped { step, steps: 8, checkpoint: Some(place) } = error else {
                panic!("{error}")
            };
            assert!(place.is_dir() && step <= 8, "{name}");
            let (parts, outcome) = run(&world, &config, &name, true, &mut ());
            let found = outcome.unwrap();
            assert!(bits(&found.model) == bits(&expected.model), "{name}");
            assert_eq!(found.losses, expected.losses, "{name}");
            assert_eq!(metrics(&parts), metrics(&whole), "{name}");
        }
    }
}

#[test]
fn the_directory_contains_the_configuration_and_two_checkpoints() {
    let world = SmallWorld::new();
    let (folder, outcome) = run(&world, &config(), "run", false, &mut ());
    outcome.unwrap();
    let names = |path| {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    };
    let expected = ["checkpoints", "config.toml", "metrics.jsonl", "tensorboard"];
    assert_eq!(names(folder.path().to_owned()), expected);
    assert_eq!(names(folder.checkpoints()), ["step-00000006", "step-00000008"]);
    let text = fs::read_to_string(folder.config()).unwrap();
    assert_eq!(PretrainingConfig::parse(&text, &folder.config()).unwrap(), config());
    let corpora = CorpusFile::parse(&text, &folder.config()).unwrap();
    assert_eq!(corpora.corpora()[1].weight(), 2.0);
}

#[test]
fn a_run_does_not_resume_with_another_configuration() {
    let world = SmallWorld::new();
    let first = config();
    run(&world, &first, "run", false, &mut ()).1.unwrap();
    let failure = |config: &PretrainingConfig| {
        run(&world, config, "run", true, &mut ()).1.map(|_| ()).unwrap_err().to_string()
    };
    let failed = failure(&PretrainingConfig { seed: 6, ..first.clone() });
    assert!(failed.contains("step-00000008") && failed.contains("`seed` was 5"), "{failed}");
    // A run with other text is another run.
    let data = data(&world, world.tasks.clone(), SPANS);
    let folder = RunDir::create(&world.folder.path().join("run")).unwrap();
    let failed = PretrainingRun::new(&first, &data)
        .output(&folder)
        .resume(true)
        .train(model())
        .map(|_| ())
        .unwrap_err();
    assert!(failed.to_string().contains("`corpora` was"), "{failed}");
}

#[test]
fn corpora_and_tasks_are_mixed_by_their_weights() {
    let world = SmallWorld::new();
    let data = data(&world, world.tasks.clone(), &format!("{SPANS}{PREFIX}"));
    let config = PretrainingConfig { tasks_weight: 2.0, ..config() };
    let rates = data.mixture(&config).unwrap().rates();
    // Two fifths for the tasks, of 12 and 20 rows; one fifth and two for the corpora.
    let expected = [0.4 * 12.0 / 32.0, 0.4 * 20.0 / 32.0, 0.2, 0.4];
    for (rate, expected) in rates.iter().zip(expected) {
        // Sampling rates are multiples of 1 / 4,096.
        assert!((rate - expected).abs() < 1.0 / 2048.0, "{rates:?}");
    }
    let names: Vec<&str> = data.names().iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["mood", "wet", "spans", "lm"]);
}

#[test]
fn batches_have_an_example_of_each_sampled_task() {
    let world = SmallWorld::new();
    let data = data(&world, world.tasks.clone(), SPANS);
    let mut config = config();
    config.mixture.stochastic = Some(StochasticTasks::new(6));
    data.mixture(&config).unwrap();
    config.mixture.stochastic = Some(StochasticTasks::new(7));
    let failure = data.mixture(&config).unwrap_err().to_string();
    assert_eq!(failure, "expected `most_tasks` to be at most `batch_size`, found 7");
}

#[test]
fn unusable_data_is_named() {
    let world = SmallWorld::new();
    let read = |tasks: Vec<Task>, text: &str, sentinels: &[u32]| {
        let corpora = corpora(&world, text);
        let read = PretrainingData::reader(&model(), &tokenizer(), LENGTHS)
            .sentinels(sentinels)
            .read(tasks, corpora);
        read.map(|_| ()).unwrap_err().to_string()
    };
    let failure = read(Vec::new(), "", &SENTINELS);
    assert!(failure.starts_with("nothing to train on"), "{failure}");
    let failure = read(world.tasks.clone(), &SPANS.replace("spans", "wet"), &SENTINELS);
    assert!(failure.contains("duplicate name `wet`"), "{failure}");
    let failure = read(Vec::new(), SPANS, &[]);
    assert!(failure.contains("corpus `spans`") && failure.contains("<extra_id_0>"), "{failure}");
    let failure = read(Vec::new(), SPANS, &[96]);
    assert!(failure.contains("token 96, but the model has 96 tokens"), "{failure}");
    let mut test_only = world.tasks[0].config().clone();
    test_only.train = None;
    let failure = read(vec![Task::new(&test_only).unwrap()], "", &SENTINELS);
    assert!(failure.contains("task `mood` has no training examples"), "{failure}");
    fs::write(world.folder.path().join("none.txt"), "").unwrap();
    let failure = read(Vec::new(), &SPANS.replace("dev.txt", "none.txt"), &SENTINELS);
    assert!(failure.contains("none.txt: expected rows, found none"), "{failure}");
}

/// Learning rates that rise until the model gets worse again.
fn steep(keep_best: bool) -> PretrainingConfig {
    let mut config = config();
    config.training.steps = 12;
    config.training.learning_rate = 0.1;
    config.training.warmup_steps = 11;
    config.evaluation.every = 1;
    config.evaluation.keep_best = keep_best;
    config
}

#[test]
fn the_best_model_on_dev_is_returned_if_requested() {
    let world = SmallWorld::new();
    for (tasks, text) in [(world.tasks.clone(), SPANS), (Vec::new(), PREFIX)] {
        let data = data(&world, tasks.clone(), text);
        let mut events = Events::default();
        let last =
            PretrainingRun::new(&steep(false), &data).observer(&mut events).train(model()).unwrap();
        assert_eq!(last.step, 12);
        // The mean of the metrics, or the loss of the only corpus.
        let means: Vec<f64> = (0..=12)
            .map(|step| {
                let of_step = events.figures.iter().filter(|figure| figure.0 == step);
                match tasks.len() {
                    0 => of_step.map(|figure| -figure.3).sum(),
                    count => {
                        let metrics = of_step.filter(|figure| figure.2 == "accuracy");
                        metrics.map(|figure| figure.3).sum::<f64>() / count as f64
                    }
                }
            })
            .collect();
        let best = (0..=12).fold(0, |best, at| if means[at] > means[best] { at } else { best });
        assert!(0 < best && best < 12, "{means:?}");
        let mut events = Events::default();
        let kept =
            PretrainingRun::new(&steep(true), &data).observer(&mut events).train(model()).unwrap();
        assert_eq!((kept.step, kept.stopped_early), (best, None));
        assert_eq!(kept.score, (!tasks.is_empty()).then_some(means[best]));
        assert_eq!(last.score, (!tasks.is_empty()).then_some(means[12]));
        let losses: Vec<f64> = kept.losses.iter().map(|(_, loss)| *loss).collect();
        let of_best = events.figures.iter().filter(|it| it.0 == best && it.2 == "loss");
        assert_eq!(losses, of_best.map(|figure| figure.3).collect::<Vec<_>>());
        // The result equals the reported values.
        let rows = match data.tasks().first() {
            Some(task) => task.rows(Split::Dev).to_vec(),
            None => data.corpora()[0].dev_rows(0),
        };
        assert_eq!(mean_loss(&kept.model, &rows, 64).unwrap(), losses[0]);
    }
}

#[test]
fn an_interrupted_run_with_keep_best_ends_like_an_uninterrupted_one() {
    let world = SmallWorld::new();
    for patience in [None, Some(2)] {
        let mut config = steep(true);
        config.evaluation.patience = patience;
        config.evaluation.keep_best = patience.is_none();
        let (whole, outcome) = run(&world, &config, &format!("whole {patience:?}"), false, &mut ());
        let expected = outcome.unwrap();
        assert_eq!(expected.stopped_early.is_some(), patience.is_some());
        let steps = expected.stopped_early.unwrap_or(12);
        assert!(expected.step < steps);
        for stop in [2, 4, steps] {
            let name = format!("stopped at {stop}, {patience:?}");
            run(&world, &config, &name, false, &mut StopAt(stop)).1.unwrap_err();
            let (parts, outcome) = run(&world, &config, &name, true, &mut ());
            let found = outcome.unwrap();
            assert!(bits(&found.model) == bits(&expected.model), "{name}");
            assert_eq!((found.step, found.stopped_early), (expected.step, expected.stopped_early));
            assert_eq!((found.score, &found.losses), (expected.score, &expected.losses));
            assert_eq!(metrics(&parts), metrics(&whole), "{name}");
        }
        // Resuming a completed run returns the same without a step.
        let mut events = Events::default();
        let name = format!("whole {patience:?}");
        let again = run(&world, &config, &name, true, &mut events).1.unwrap();
        assert!(events.steps.is_empty() && bits(&again.model) == bits(&expected.model));
        assert_eq!((again.step, again.losses), (expected.step, expected.losses));
    }
}

#[test]
fn keep_best_requires_a_dev_split() {
    let world = SmallWorld::new();
    let data = data(&world, Vec::new(), &SPANS.replace("dev = 'dev.txt'\n", ""));
    let failure = |config: &PretrainingConfig| {
        PretrainingRun::new(config, &data).train(model()).map(|_| ()).unwrap_err().to_string()
    };
    let expected =
        "needs a `dev` split, but nothing has one: remove the option, or add a `dev` file";
    assert_eq!(failure(&steep(true)), format!("`evaluation.keep_best` {expected}"));
    let mut config = steep(false);
    config.evaluation.patience = Some(3);
    assert_eq!(failure(&config), format!("`evaluation.patience` {expected}"));
    config.evaluation.patience = None;
    PretrainingRun::new(&config, &data).train(model()).unwrap();
}

#[test]
fn a_whole_model_is_trained_with_adafactor_and_resumed() {
    let world = SmallWorld::new();
    let mut config = config();
    // As in the pretraining of T5: steps scaled by the weights, and no weight decay.
    let adafactor = AdafactorConfig {
        multiply_by_parameter_scale: true,
        min_dim_size_to_factor: 8,
        weight_decay: 0.0,
        ..AdafactorConfig::default()
    };
    config.training.optimizer = adafactor.into();
    config.training.learning_rate = 0.02;
    let (_, outcome) = run(&world, &config, "whole", false, &mut ());
    let expected = outcome.unwrap();
    run(&world, &config, "parts", false, &mut StopAt(4)).1.unwrap_err();
    let found = run(&world, &config, "parts", true, &mut ()).1.unwrap();
    assert!(bits(&found.model) == bits(&expected.model));
    let mut events = Events::default();
    let data = data(&world, Vec::new(), PREFIX);
    config.training.steps = 40;
    config.evaluation.every = 40;
    PretrainingRun::new(&config, &data).observer(&mut events).train(model()).unwrap();
    let [(0, _, _, before), (40, _, _, after)] = &events.figures[..] else {
        panic!("{:?}", events.figures)
    };
    assert!(*after < 0.8 * before, "{before} to {after}");
}
