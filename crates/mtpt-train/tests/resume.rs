use std::fs;
use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use mtpt_compose::CompositionConfig;
use mtpt_infer::TaskData;
use mtpt_tasks::labels::Scale;
use mtpt_tasks::{LabelsConfig, Metric, Split, StochasticTasks, Task, TaskConfig, Tokenize};
use mtpt_train::{
    AdafactorConfig, ConfigError, Error, Observer, PromptTuningRun, RunConfig, RunDir, StepEvent,
    TrainingConfig,
};
use serde_json::Value;

use crate::small_world::{SmallWorld, config, tokenizer};
use crate::text_tasks::{WordList, text_task};

/// Ends the run after a step like a crash.
pub(crate) struct StopAt(pub(crate) usize);

impl Observer for StopAt {
    fn step(&mut self, event: &StepEvent<'_>) -> mtpt_train::Result<()> {
        if event.step < self.0 {
            return Ok(());
        }
        Err(Error::Config(ConfigError::OutOfRange { option: "test", expected: "over", found: 0.0 }))
    }
}

pub(crate) fn run(
    world: &SmallWorld,
    config: &RunConfig,
    name: &str,
    resume: bool,
    observer: &mut impl Observer,
) -> (RunDir, mtpt_train::Result<()>) {
    let folder = RunDir::create(&world.folder.path().join(name)).unwrap();
    let start = world.composition(config);
    let trained = PromptTuningRun::new(config, &world.data, &world.t5)
        .output(&folder)
        .resume(resume)
        .observer(observer)
        .train(start);
    (folder, trained.map(|_| ()))
}

/// Returns the lines of a log without durations.
pub(crate) fn metrics(folder: &RunDir) -> Vec<Value> {
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

#[test]
fn an_interrupted_run_ends_like_an_uninterrupted_one() {
    for composition in CompositionConfig::catalogue() {
        for rate in [None, Some(0.03)] {
            let mut config = config(composition.clone());
            config.training.task_learning_rate = rate;
            config.training.task_clip_norm = rate;
            check_interrupted(&SmallWorld::new(), &config);
        }
    }
}

#[test]
fn an_interrupted_adafactor_run_ends_like_an_uninterrupted_one() {
    let plain = AdafactorConfig::default();
    let factored = AdafactorConfig {
        min_dim_size_to_factor: 2,
        multiply_by_parameter_scale: true,
        beta_1: Some(0.9),
        ..AdafactorConfig::default()
    };
    for composition in CompositionConfig::catalogue() {
        for optimizer in [plain.clone(), factored.clone()] {
            let mut config = config(composition.clone());
            config.training.optimizer = optimizer.into();
            config.training.task_weight_decay = Some(0.01);
            check_interrupted(&SmallWorld::new(), &config);
        }
    }
}

/// Checks that an interrupted and resumed run ends with the same prompts and log.
#[track_caller]
fn check_interrupted(world: &SmallWorld, config: &RunConfig) {
    let (whole, outcome) = run(world, config, "whole", false, &mut ());
    outcome.unwrap();
    // Checkpoints are written at steps 3 and 6.
    for stop in [2, 4, 7] {
        let name = format!("stopped at {stop}");
        let (_, outcome) = run(world, config, &name, false, &mut StopAt(stop));
        outcome.unwrap_err();
        let (parts, outcome) = run(world, config, &name, true, &mut ());
        outcome.unwrap();
        let name = config.composition.name();
        assert!(
            fs::read(parts.prompts()).unwrap() == fs::read(whole.prompts()).unwrap(),
            "{name}, stopped at {stop}"
        );
        assert_eq!(metrics(&parts), metrics(&whole), "{name}, stopped at {stop}");
    }
}

#[test]
fn an_interrupted_run_from_trained_prompts_ends_like_an_uninterrupted_one() {
    let world = SmallWorld::new();
    let first = config(CompositionConfig::default());
    let (trained, outcome) = run(&world, &first, "first", false, &mut ());
    outcome.unwrap();
    let mut second = RunConfig { seed: 6, ..first };
    second.prompt.start_from = Some(trained.prompts());
    second.prompt.frozen_levels = vec![0];
    second.mixture.stochastic = Some(StochasticTasks::new(2));
    check_interrupted(&world, &second);
}

#[test]
fn streamed_texts_and_candidates_yield_the_same_run() {
    let texts = r#"{"text": "say", "label": ["sun", "rain"]}
{"text": "what comes", "label": ["rain today", "snow"]}
{"text": "comes", "label": ["snow tonight"]}
"#;
    let choices = r#"{"text": "say", "label": 0, "a": "sun", "b": "rain"}
{"text": "what comes", "label": 1, "a": "rain today", "b": "snow"}
{"text": "comes", "label": 0, "a": "snow tonight", "b": "what"}
"#;
    for (name, rows, labels) in [
        ("said", texts, LabelsConfig::text()),
        ("chosen", choices, LabelsConfig::choices(["a", "b"])),
    ] {
        let mut world = SmallWorld::new();
        let config = config(CompositionConfig::default());
        let in_memory = text_task(&world.folder, name, rows, labels);
        let on_disk = TaskConfig { stream: true, ..in_memory.clone() };
        read_only(&mut world, &in_memory, &WordList);
        let (whole, outcome) = run(&world, &config, "whole", false, &mut ());
        outcome.unwrap();
        run(&world, &config, "begun in memory", false, &mut StopAt(4)).1.unwrap_err();
        read_only(&mut world, &on_disk, &WordList);
        assert!(world.data[0].references(Split::Train).is_empty());
        assert!(world.data[0].choices(Split::Train).is_empty());
        run(&world, &config, "begun on disk", false, &mut StopAt(4)).1.unwrap_err();
        run(&world, &config, "on disk", false, &mut ()).1.unwrap();
        run(&world, &config, "begun in memory", true, &mut ()).1.unwrap();
        read_only(&mut world, &in_memory, &WordList);
        run(&world, &config, "begun on disk", true, &mut ()).1.unwrap();
        for parts in ["on disk", "begun in memory", "begun on disk"] {
            let folder = RunDir::create(&world.folder.path().join(parts)).unwrap();
            assert!(
                fs::read(folder.prompts()).unwrap() == fs::read(whole.prompts()).unwrap(),
                "{name}, {parts}"
            );
            assert_eq!(metrics(&folder), metrics(&whole), "{name}, {parts}");
        }
    }
}

/// Makes a task the only one of a world.
fn read_only(world: &mut SmallWorld, task: &TaskConfig, tokenizer: &impl Tokenize) {
    world.tasks = vec![Task::new(task).unwrap()];
    let lengths = config(CompositionConfig::default()).max_lengths();
    world.data = TaskData::read(world.tasks.clone(), tokenizer, &world.t5, lengths).unwrap();
}

#[test]
fn a_run_does_not_resume_with_other_groups_or_scores() {
    let grouped = r#"{"text": "sun", "label": "0", "day": "one"}
{"text": "rain", "label": "1", "day": "one"}
"#;
    // The word of both scores is 0.
    let scored =
        "{\"text\": \"sun\", \"label\": \"0.3\"}\n{\"text\": \"rain\", \"label\": \"1\"}\n";
    let scale = Scale { lowest: 0.0, highest: 1.0, step: 1.0 };
    let groups = Metric::GroupExactMatch { group: "{day}".into() };
    for (name, rows, [now, then], labels, metric) in [
        (
            "grouped",
            grouped,
            ["one\"}\n{", "two\"}\n{"],
            LabelsConfig::words([("0", "dry"), ("1", "wet")]),
            groups,
        ),
        ("scored", scored, ["0.3", "0.4"], LabelsConfig::Regression(scale), Metric::Pearson),
    ] {
        let mut world = SmallWorld::new();
        let config = config(CompositionConfig::default());
        let set = |world: &mut SmallWorld, rows: &str| {
            let mut task = text_task(&world.folder, name, rows, labels.clone());
            task.metrics = vec![metric.clone()];
            read_only(world, &task, &tokenizer());
        };
        set(&mut world, rows);
        run(&world, &config, "run", false, &mut ()).1.unwrap();
        run(&world, &config, "run", true, &mut ()).1.unwrap();
        let changed = rows.replacen(now, then, 1);
        assert_ne!(changed, rows);
        set(&mut world, &changed);
        let failure = run(&world, &config, "run", true, &mut ()).1.unwrap_err().to_string();
        assert!(failure.contains("`tasks[0].dev.checksum` was "), "{failure}");
    }
}

#[test]
fn streamed_examples_yield_the_same_run() {
    let mut world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let (whole, outcome) = run(&world, &config, "whole", false, &mut ());
    outcome.unwrap();
    // It can even resume the other run.
    run(&world, &config, "parts", false, &mut StopAt(4)).1.unwrap_err();
    let streamed = world.tasks.iter().map(|task| {
        let config = TaskConfig { stream: true, ..task.config().clone() };
        Task::new(&config).unwrap()
    });
    let read = TaskData::read(streamed.collect(), &tokenizer(), &world.t5, config.max_lengths());
    let in_memory = std::mem::replace(&mut world.data, read.unwrap());
    for (disk, memory) in world.data.iter().zip(&in_memory) {
        assert!(disk.rows(Split::Train).is_empty() && !disk.rows(Split::Dev).is_empty());
        assert_eq!(disk.count(Split::Train), memory.count(Split::Train));
        assert_eq!(
            disk.majority(Split::Dev).unwrap().values(),
            memory.majority(Split::Dev).unwrap().values()
        );
        for row in 0..disk.count(Split::Train) {
            let [disk, memory] = [disk, memory].map(|data| data.row(Split::Train, row).unwrap());
            assert_eq!(disk, memory);
        }
    }
    for (name, resume) in [("streamed", false), ("parts", true)] {
        let (folder, outcome) = run(&world, &config, name, resume, &mut ());
        outcome.unwrap();
        assert!(
            fs::read(folder.prompts()).unwrap() == fs::read(whole.prompts()).unwrap(),
            "{name}"
        );
        assert_eq!(metrics(&folder), metrics(&whole), "{name}");
    }
}

#[test]
fn the_log_has_a_line_for_each_step_and_metric() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let (folder, outcome) = run(&world, &config, "run", false, &mut ());
    outcome.unwrap();
    let lines = metrics(&folder);
    let steps: Vec<u64> = lines
        .iter()
        .filter(|line| line.get("loss").is_some())
        .map(|line| line["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [1, 2, 3, 4, 5, 6, 7, 8]);
    // Two tasks are evaluated before training and every two steps.
    let figures: Vec<&Value> = lines.iter().filter(|line| line.get("metric").is_some()).collect();
    let of_step = |step: u64| figures.iter().filter(|line| line["step"] == step).count();
    assert_eq!((0..=8).map(of_step).collect::<Vec<_>>(), [2, 0, 2, 0, 2, 0, 2, 0, 2]);
    assert_eq!(figures[0]["split"], "dev");
    assert_eq!((&figures[0]["task"], &figures[1]["task"]), (&"mood".into(), &"wet".into()));
    assert!(lines.iter().filter(|line| line.get("lr").is_some()).all(|line| line["lr"].is_f64()));
    assert!(lines.iter().all(|line| line.get("task_lr").is_none()));
    let training = TrainingConfig { task_learning_rate: Some(0.05), ..config.training };
    let config = RunConfig { training, ..config };
    let (folder, outcome) = run(&world, &config, "with two rates", false, &mut ());
    outcome.unwrap();
    for line in metrics(&folder).iter().filter(|line| line.get("lr").is_some()) {
        // Half of 0.1.
        assert_eq!(line["task_lr"].as_f64().unwrap(), line["lr"].as_f64().unwrap() / 2.0);
    }
}

/// Returns the names of a directory's entries, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_last_two_checkpoints_are_kept_without_temporary_files() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let (folder, outcome) = run(&world, &config, "run", false, &mut ());
    outcome.unwrap();
    assert_eq!(names(&folder.checkpoints()), ["step-00000006", "step-00000008"]);
    let expected = [
        "baselines.json",
        "checkpoints",
        "config.toml",
        "evaluation.json",
        "metrics.jsonl",
        "outcome.json",
        "prompts.safetensors",
        "tensorboard",
    ];
    assert_eq!(names(folder.path()), expected);
}

#[test]
fn a_new_run_never_resumes_from_earlier_checkpoints() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    run(&world, &config, "run", false, &mut ()).1.unwrap();
    // Other directories are not touched.
    let other = world.folder.path().join("run/checkpoints/step-by-step");
    fs::create_dir(&other).unwrap();
    let (folder, outcome) = run(&world, &config, "run", false, &mut StopAt(4));
    outcome.unwrap_err();
    fs::remove_dir(&other).unwrap();
    assert_eq!(names(&folder.checkpoints()), ["step-00000003"]);
}

#[test]
fn a_run_does_not_resume_with_another_configuration() {
    let world = SmallWorld::new();
    let first = config(CompositionConfig::default());
    run(&world, &first, "run", false, &mut ()).1.unwrap();
    let training = TrainingConfig { steps: 9, ..first.training.clone() };
    let second = RunConfig { training, ..first };
    let kept = fs::read(world.folder.path().join("run/config.toml")).unwrap();
    let failure = run(&world, &second, "run", true, &mut ()).1.unwrap_err().to_string();
    assert!(kept == fs::read(world.folder.path().join("run/config.toml")).unwrap());
    assert!(failure.contains("step-00000008"), "{failure}");
    assert!(failure.contains("`training.steps` was 8, and is now 9"), "{failure}");
}

#[test]
fn a_run_does_not_resume_with_other_tasks_or_examples() {
    let mut world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    run(&world, &config, "run", false, &mut ()).1.unwrap();
    let failure =
        |world: &SmallWorld| run(world, &config, "run", true, &mut ()).1.unwrap_err().to_string();
    world.data.reverse();
    // With the previous order, each task would continue with the other's parameters.
    assert!(failure(&world).ends_with("`tasks[0].name` was \"mood\", and is now \"wet\""));
    world.data.reverse();
    let path = world.folder.path().join("mood.train.jsonl");
    fs::write(&path, fs::read_to_string(&path).unwrap().replacen("rain", "snow", 1)).unwrap();
    let (tasks, lengths) = (world.tasks.clone(), config.max_lengths());
    world.data = TaskData::read(tasks, &tokenizer(), &world.t5, lengths).unwrap();
    assert!(failure(&world).contains("`tasks[0].train.checksum` was "));
}

#[test]
fn temporary_files_of_a_killed_process_are_removed() {
    let world = SmallWorld::new();
    let left = world.folder.path().join("run/checkpoints/.writing-1a2b");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("last.safetensors"), "half").unwrap();
    let config = config(CompositionConfig::default());
    run(&world, &config, "run", true, &mut ()).1.unwrap();
    assert!(!left.exists());
}

#[test]
fn a_run_that_fails_at_the_start_leaves_no_earlier_prompts() {
    let world = SmallWorld::new();
    let mut config = config(CompositionConfig::default());
    let folder = RunDir::create(&world.folder.path().join("run")).unwrap();
    let start = world.composition(&config);
    PromptTuningRun::new(&config, &world.data, &world.t5).output(&folder).train(start).unwrap();
    assert!(folder.prompts().is_file());
    // A run that cannot start modifies nothing.
    config.training.steps = 0;
    let start = world.composition(&config);
    PromptTuningRun::new(&config, &world.data, &world.t5).output(&folder).train(start).unwrap_err();
    assert!(folder.prompts().is_file());
    config.training.steps = 8;
    let endless = world.composition(&config).map(&mut Endless);
    PromptTuningRun::new(&config, &world.data, &world.t5)
        .output(&folder)
        .train(endless)
        .unwrap_err();
    assert!(!folder.prompts().exists());
}

/// Makes every value infinite.
struct Endless;

impl ModuleMapper for Endless {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|value| {
            let numbers = TensorData::full(value.dims(), f32::INFINITY);
            Tensor::from_data(numbers, &value.device()).require_grad()
        })
    }
}

#[test]
fn a_run_does_not_resume_with_another_metric() {
    let mut world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    run(&world, &config, "run", false, &mut StopAt(4)).1.unwrap_err();
    let judged_otherwise = |task: &Task| {
        let metrics = vec![Metric::MacroF1];
        Task::new(&TaskConfig { metrics, ..task.config().clone() }).unwrap()
    };
    let tasks = world.tasks.iter().map(judged_otherwise).collect();
    world.data = TaskData::read(tasks, &tokenizer(), &world.t5, config.max_lengths()).unwrap();
    let refused = run(&world, &config, "run", true, &mut ()).1.unwrap_err().to_string();
    assert!(refused.contains("`tasks[0].metrics[0]` was \"accuracy\""), "{refused}");
}

#[test]
fn resuming_at_the_last_step_removes_temporary_files() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let (folder, outcome) = run(&world, &config, "run", false, &mut ());
    outcome.unwrap();
    // Older checkpoints are removed after the newest is written: one was being removed, one was
    // still to be removed.
    for name in [".removing-step-00000002", "step-00000004"] {
        fs::create_dir(folder.checkpoints().join(name)).unwrap();
    }
    run(&world, &config, "run", true, &mut ()).1.unwrap();
    assert_eq!(names(&folder.checkpoints()), ["step-00000006", "step-00000008"]);
}
