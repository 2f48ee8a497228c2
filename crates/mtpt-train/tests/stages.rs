//! Pipelines of teachers, source and targets.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_compose::{CompositionConfig, InstanceAttentionConfig, LowRankConfig, SeparateConfig};
use mtpt_core::{Compose, TaskIndex};
use mtpt_infer::PromptFile;
use mtpt_infer::{Prompted, Prompts, TaskData};
use mtpt_tasks::{Split, Task, TaskConfig, TaskId};
use mtpt_train::{
    AdaptationConfig, BeginEvent, CheckpointError, ConfigError, DataError, DistillationConfig,
    Error, FewShotConfig, InitializerConfig, NearestConfig, Observer, Pipeline, PipelineReport,
    RunConfig, Stage, StageError, StagedRunConfig, TaskParts, TrainingConfig,
};

use crate::small_world::{SmallWorld, config, task, tokenizer};

/// Records the runs that start, and notes.
#[derive(Default)]
struct Recorded {
    runs: Vec<(String, usize)>,
    notes: Vec<String>,
}

impl Observer for Recorded {
    fn begin(&mut self, event: &BeginEvent<'_>) {
        self.runs.push((event.dir.to_owned(), event.steps));
    }

    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }
}

fn name(name: &str) -> TaskId {
    TaskId::new(name).unwrap()
}

/// Returns the small world's two tasks and two targets.
fn tasks(world: &SmallWorld) -> Vec<Task> {
    let folder = world.folder.path();
    fs::create_dir_all(folder.join("new")).unwrap();
    let mut tasks = world.tasks.clone();
    tasks.push(task(folder, "new/joy", ["happy", "sad today"], 16));
    tasks.push(task(folder, "new/rain", ["dry", "soaked"], 14));
    tasks
}

/// Returns a configuration of all three stages, with a few steps each.
fn staged(composition: CompositionConfig) -> StagedRunConfig {
    let run = config(composition);
    let training = TrainingConfig {
        steps: 3,
        task_learning_rate: Some(0.2),
        learning_rate: 0.15,
        ..run.training.clone()
    };
    let targets = vec![name("new/joy"), name("new/rain")];
    let adaptation = AdaptationConfig { training, ..AdaptationConfig::to(targets, &run) };
    StagedRunConfig {
        run,
        teachers: None,
        distillation: Some(DistillationConfig::default()),
        adaptation: Some(adaptation),
    }
}

fn run(
    world: &SmallWorld,
    config: &StagedRunConfig,
    (folder, resume): (&str, bool),
    stages: &[Stage],
    recorded: &mut Recorded,
) -> mtpt_train::Result<PipelineReport> {
    let (tasks, tokenizer) = (tasks(world), tokenizer());
    let folder = world.folder.path().join(folder);
    let pipeline = Pipeline::new(config, &tasks, &world.t5, &tokenizer)?;
    pipeline.resume(resume).observer(recorded).run(&folder, stages)
}

fn adapt(
    world: &SmallWorld,
    config: &StagedRunConfig,
    source: &Path,
    folder: &str,
    recorded: &mut Recorded,
) -> mtpt_train::Result<PipelineReport> {
    let (tasks, tokenizer) = (tasks(world), tokenizer());
    let folder = world.folder.path().join(folder);
    let pipeline = Pipeline::new(config, &tasks, &world.t5, &tokenizer)?;
    pipeline.observer(recorded).adapt(&folder, source)
}

fn composed(path: &Path, task: &str) -> Vec<f32> {
    let prompts = Prompts::read(path, &Device::flex()).unwrap();
    let task = prompts.find(task).unwrap();
    prompts.composition().compose(task).into_data().iter::<f32>().collect()
}

#[test]
fn one_configuration_trains_teachers_source_and_targets() {
    let world = SmallWorld::new();
    let config = staged(CompositionConfig::default());
    let mut recorded = Recorded::default();
    let done = run(&world, &config, ("all", false), &Stage::ALL, &mut recorded).unwrap();
    let runs: Vec<(&str, usize)> =
        recorded.runs.iter().map(|(place, steps)| (place.as_str(), *steps)).collect();
    assert_eq!(
        runs,
        [
            ("teachers/mood", 8),
            ("teachers/wet", 8),
            ("source", 8),
            ("targets/new/joy", 3),
            ("targets/new/rain", 3)
        ]
    );
    let folder = world.folder.path().join("all");
    let stages: Vec<Stage> = done.runs.iter().map(|run| run.stage).collect();
    use Stage::{Source, Targets, Teachers};
    assert_eq!(stages, [Teachers, Teachers, Source, Targets, Targets]);
    for ((place, _), run) in runs.iter().zip(&done.runs) {
        assert_eq!(run.prompts, folder.join(place).join("prompts.safetensors"));
        assert!(folder.join(place).join("metrics.jsonl").is_file(), "{place}");
    }
    // The final file contains the composed prompts of both targets.
    let outcome = done.prompts.unwrap();
    assert_eq!(outcome, folder.join("prompts.safetensors"));
    for task in ["new/joy", "new/rain"] {
        let alone = folder.join("targets").join(task).join("prompts.safetensors");
        assert_eq!(composed(&outcome, task), composed(&alone, task), "{task}");
    }
    // Each run's configuration reproduces it.
    let text = fs::read_to_string(folder.join("targets/new/rain/config.toml")).unwrap();
    let target = RunConfig::parse(&text, Path::new("config.toml")).unwrap();
    assert_eq!(target.prompt.task_parts, TaskParts::Average);
    assert_eq!(target.prompt.start_from, Some(folder.join("source/prompts.safetensors")));
    assert_eq!((target.training.steps, target.training.task_learning_rate), (3, Some(0.2)));
    let text = fs::read_to_string(folder.join("config.toml")).unwrap();
    assert_eq!(
        StagedRunConfig::parse(&text, Path::new("config.toml")).unwrap().adaptation,
        config.adaptation
    );
}

/// Returns the safetensors files of all runs in a directory.
fn learned(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(learned(&path));
        } else if path.extension().is_some_and(|ending| ending == "safetensors") {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

#[test]
fn stages_can_be_run_separately_and_resumed() {
    let world = SmallWorld::new();
    let config = staged(CompositionConfig::Concat(mtpt_compose::ConcatConfig::default()));
    let recorded = &mut Recorded::default();
    run(&world, &config, ("once", false), &Stage::ALL, recorded).unwrap();
    for stage in Stage::ALL {
        run(&world, &config, ("apart", false), &[stage], recorded).unwrap();
    }
    let folder = |run: &str| world.folder.path().join(run);
    let once = learned(&folder("once"));
    let relative = |run: &str| -> Vec<(PathBuf, Vec<u8>)> {
        let cut = |(path, bytes): (PathBuf, Vec<u8>)| {
            (path.strip_prefix(folder(run)).unwrap().to_owned(), bytes)
        };
        learned(&folder(run)).into_iter().map(cut).collect()
    };
    assert!(once.len() > 10);
    assert_eq!(relative("once"), relative("apart"));
    // As after an interruption in the middle of the second stage.
    fs::remove_dir_all(folder("apart").join("targets")).unwrap();
    fs::remove_file(folder("apart").join("prompts.safetensors")).unwrap();
    fs::remove_dir_all(folder("apart").join("source/checkpoints/step-00000008")).unwrap();
    run(&world, &config, ("apart", true), &Stage::ALL, recorded).unwrap();
    assert_eq!(relative("once"), relative("apart"));
}

#[test]
fn stages_stopped_repeatedly_yield_the_same_prompts() {
    /// Stops the run after a number of calls.
    struct EndAfter(Cell<usize>);
    impl Observer for EndAfter {
        fn stop(&self) -> bool {
            let left = self.0.get();
            self.0.set(left.saturating_sub(1));
            left == 0
        }
    }
    let world = SmallWorld::new();
    let config = staged(CompositionConfig::default());
    run(&world, &config, ("once", false), &Stage::ALL, &mut Recorded::default()).unwrap();
    let (tasks, tokenizer) = (tasks(&world), tokenizer());
    let folder = world.folder.path().join("parts");
    let mut stops = 0;
    loop {
        let t5 = &world.t5;
        let pipeline = Pipeline::new(&config, &tasks, t5, &tokenizer).unwrap().resume(true);
        match pipeline.observer(EndAfter(Cell::new(4))).run(&folder, &Stage::ALL) {
            Ok(_) => break,
            Err(Error::Stopped { checkpoint: Some(place), .. }) => assert!(place.is_dir()),
            Err(other) => panic!("{other}"),
        }
        stops += 1;
    }
    assert!(stops >= 5, "{stops}");
    let prompts = |run: &str| -> Vec<(PathBuf, Vec<u8>)> {
        let folder = world.folder.path().join(run);
        let all = learned(&folder).into_iter();
        all.filter(|(path, _)| path.ends_with("prompts.safetensors"))
            .map(|(path, bytes)| (path.strip_prefix(&folder).unwrap().to_owned(), bytes))
            .collect()
    };
    assert!(prompts("once").len() >= 6);
    assert!(prompts("once") == prompts("parts"));
}

#[test]
fn targets_can_be_trained_together() {
    let world = SmallWorld::new();
    let mut config = staged(CompositionConfig::default());
    config.distillation = None;
    let adaptation = config.adaptation.as_mut().unwrap();
    adaptation.together = true;
    let mut recorded = Recorded::default();
    let done = run(&world, &config, ("group", false), &Stage::ALL, &mut recorded).unwrap();
    assert_eq!(
        recorded.runs.iter().map(|(place, _)| place.as_str()).collect::<Vec<_>>(),
        ["source", "targets"]
    );
    let prompts = Prompts::read(&done.prompts.unwrap(), &Device::flex()).unwrap();
    assert_eq!(prompts.header().composition, CompositionConfig::default());
    assert_eq!(prompts.tasks().len(), 2);
}

fn tensors(path: &Path) -> std::collections::BTreeMap<String, Vec<f32>> {
    let file = PromptFile::read(path).unwrap();
    let values = |(name, data): (&String, &burn::tensor::TensorData)| {
        (name.clone(), data.iter::<f32>().collect())
    };
    file.tensors().iter().map(values).collect()
}

/// Returns the initial prompt of a target.
fn initial_prompt(
    world: &SmallWorld,
    source: &Path,
    composition: CompositionConfig,
    task_parts: TaskParts,
) -> mtpt_train::Result<Vec<f32>> {
    let mut config = config(composition);
    config.prompt.start_from = Some(source.to_owned());
    config.prompt.task_parts = task_parts;
    let tasks = tasks(world)[2..3].to_vec();
    let device = Device::flex();
    let start = mtpt_train::initial_composition(&config, &tasks, &world.t5, &tokenizer(), &device)?;
    Ok(start.compose(TaskIndex::new(0)).into_data().iter::<f32>().collect())
}

#[test]
fn target_parts_are_initialized_as_configured() {
    let world = SmallWorld::new();
    let composition = CompositionConfig::LowRank(LowRankConfig::default());
    let mut config = staged(composition.clone());
    (config.distillation, config.adaptation) = (None, None);
    run(&world, &config, ("source", false), &[Stage::Source], &mut Recorded::default()).unwrap();
    let source = world.folder.path().join("source/prompts.safetensors");
    let known = tensors(&source);
    let begin = |parts| initial_prompt(&world, &source, composition.clone(), parts);
    let shared = &known["shared"];
    // P * (u v), computed independently.
    let product = |left: &[f32], right: &[f32]| -> Vec<f32> {
        let place = |place: usize| shared[place] * (left[place / 16] * right[place % 16]);
        (0..64).map(place).collect()
    };
    // All four tasks were trained.
    let parts = [0, 1, 2, 3]
        .map(|task| ["left", "right"].map(|side| known[&format!("tasks.{task}.{side}")].clone()));
    let mean = |side: usize| -> Vec<f32> {
        let sum = |place: usize| parts.iter().map(|part| part[side][place]).sum::<f32>();
        (0..parts[0][side].len()).map(|place| sum(place) / 4.0).collect()
    };
    let close = |found: Vec<f32>, expected: Vec<f32>| {
        assert_eq!(found.len(), expected.len());
        // Products of three values, in another order.
        assert!(
            found
                .iter()
                .zip(&expected)
                .all(|(found, expected)| (found - expected).abs() < 1e-6 * (1.0 + expected.abs()))
        );
    };
    close(begin(TaskParts::Average).unwrap(), product(&mean(0), &mean(1)));
    close(begin(TaskParts::Task("wet".into())).unwrap(), product(&parts[1][0], &parts[1][1]));
    close(begin(TaskParts::Fresh).unwrap(), shared.clone());
    // The target is the third of them.
    close(begin(TaskParts::SameName).unwrap(), product(&parts[2][0], &parts[2][1]));
    let problem = begin(TaskParts::Task("weather".into())).unwrap_err().to_string();
    assert!(
        problem.contains("unknown task `weather`; available tasks: `mood`, `wet`, "),
        "{problem}"
    );
}

#[test]
fn groups_and_tasks_are_averaged_by_level() {
    let world = SmallWorld::new();
    let folder = world.folder.path();
    for group in ["sky", "people"] {
        fs::create_dir_all(folder.join(group)).unwrap();
    }
    let names = ["sky/wet", "sky/bright", "people/mood"];
    let known: Vec<Task> =
        names.iter().map(|name| task(folder, name, ["happy", "sad today"], 12)).collect();
    let hierarchy = CompositionConfig::Hierarchy(mtpt_compose::HierarchyConfig::default());
    let run = config(hierarchy);
    let config = StagedRunConfig { run, teachers: None, distillation: None, adaptation: None };
    let tokenizer = tokenizer();
    let place = folder.join("tree");
    let pipeline = Pipeline::new(&config, &known, &world.t5, &tokenizer);
    pipeline.unwrap().run(&place, &Stage::ALL).unwrap();
    let source = place.join("prompts.safetensors");
    let mut target = config.run.clone();
    target.prompt.start_from = Some(source.clone());
    target.prompt.task_parts = TaskParts::Average;
    let new = tasks(&world)[2..3].to_vec();
    let start =
        mtpt_train::initial_composition(&target, &new, &world.t5, &tokenizer, &Device::flex());
    let start = PromptFile::from_module(&start.unwrap(), String::new());
    let known = tensors(&source);
    // Nodes of the trained tree: the root, `sky` and its two tasks, `people` and its task.
    let mean = |nodes: &[usize], suffix: &str| -> Vec<f32> {
        let parts: Vec<&Vec<f32>> =
            nodes.iter().map(|node| &known[&format!("nodes.{node}{suffix}")]).collect();
        let at = |place: usize| parts.iter().map(|part| f64::from(part[place])).sum::<f64>();
        (0..parts[0].len()).map(|place| (at(place) / nodes.len() as f64) as f32).collect()
    };
    let mut compared = 0;
    for (name, data) in start.tensors() {
        let rest = name.strip_prefix("nodes.").unwrap();
        let (node, suffix) = rest.find('.').map_or((rest, ""), |dot| rest.split_at(dot));
        let expected = match node {
            "0" => mean(&[0], suffix),
            "1" => mean(&[1, 4], suffix),
            _ => mean(&[2, 3, 5], suffix),
        };
        assert_eq!(data.iter::<f32>().collect::<Vec<_>>(), expected, "{name}");
        compared += 1;
    }
    assert!(compared >= 3);
}

#[test]
fn the_nearest_source_is_found() {
    let world = SmallWorld::new();
    let mut config = staged(CompositionConfig::Separate(SeparateConfig::default()));
    config.distillation = None;
    // A source trained on the target's data from the same initial values is nearer than one that
    // changed little.
    config.run.training.learning_rate = 0.5;
    let adaptation = config.adaptation.as_mut().unwrap();
    adaptation.targets = vec![name("wet")];
    adaptation.sources = Some(vec![name("mood"), name("wet")]);
    adaptation.nearest = Some(NearestConfig { steps: 8 });
    adaptation.training.learning_rate = 0.5;
    let mut recorded = Recorded::default();
    run(&world, &config, ("nearest", false), &Stage::ALL, &mut recorded).unwrap();
    let note = recorded.notes.iter().find(|note| note.starts_with("nearest")).unwrap();
    let folder = world.folder.path().join("nearest");
    let text = fs::read_to_string(folder.join("targets/wet/config.toml")).unwrap();
    let target = RunConfig::parse(&text, Path::new("config.toml")).unwrap();
    let TaskParts::Task(chosen) = &target.prompt.task_parts else { panic!("{text}") };
    assert!(note.contains(&format!("is `{chosen}`")), "{note}");
    // The same comparison, computed from the prompt files.
    let source = folder.join("source/prompts.safetensors");
    let mean = |prompt: Vec<f32>| -> Vec<f32> {
        (0..16).map(|at| prompt.iter().skip(at).step_by(16).sum::<f32>() / 4.0).collect()
    };
    let probe = {
        let mut alone = StagedRunConfig { adaptation: None, ..config.clone() };
        alone.run.training = config.adaptation.as_ref().unwrap().training.clone();
        alone.run.training.steps = 8;
        alone.run.training.task_learning_rate = None;
        alone.run.evaluation.every = 0;
        let (tasks, tokenizer) = (&world.tasks[1..], tokenizer());
        let place = world.folder.path().join("probe");
        let pipeline = Pipeline::new(&alone, tasks, &world.t5, &tokenizer);
        pipeline.unwrap().run(&place, &Stage::ALL).unwrap();
        tensors(&place.join("checkpoints/step-00000008/last.safetensors"))["tasks.0"].clone()
    };
    let cosine = |source: Vec<f32>| {
        let (first, second) = (mean(probe.clone()), mean(source));
        let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        dot(&first, &second) / (dot(&first, &first) * dot(&second, &second)).sqrt()
    };
    let [mood, wet] = ["mood", "wet"].map(|task| cosine(composed(&source, task)));
    assert_eq!(chosen, if wet > mood { "wet" } else { "mood" });
    let recorded: f32 = note.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((recorded - wet.max(mood)).abs() < 1e-3, "{note}: {mood} {wet}");
}

#[test]
fn few_shot_samples_are_evaluated_once_each() {
    let world = SmallWorld::new();
    let mut config = staged(CompositionConfig::default());
    (config.distillation, config.adaptation) = (None, None);
    run(&world, &config, ("source", false), &[Stage::Source], &mut Recorded::default()).unwrap();
    let source = world.folder.path().join("source/prompts.safetensors");
    let mut few = staged(CompositionConfig::default());
    let adaptation = few.adaptation.as_mut().unwrap();
    adaptation.few_shot = Some(FewShotConfig { rows: vec![2, 5], per_label: false, draws: 3 });
    let mut recorded = Recorded::default();
    let done = adapt(&world, &few, &source, "few", &mut recorded).unwrap();
    // Two targets, two numbers of examples, three samples.
    assert_eq!((done.runs.len(), done.few_shot.len(), done.prompts), (12, 4, None));
    let folder = world.folder.path().join("few");
    let figure = &done.few_shot[1];
    assert_eq!((figure.task.as_str(), figure.rows, figure.split), ("new/joy", 5, "dev"));
    let data = TaskData::read(
        tasks(&world)[2..3].to_vec(),
        &tokenizer(),
        &world.t5,
        few.run.max_lengths(),
    );
    let data = &data.unwrap()[0];
    let mut seen = Vec::new();
    for (draw, value) in figure.values.iter().enumerate() {
        let place = folder.join(format!("targets/new/joy/rows-5/draw-{draw}"));
        let prompts = Prompts::read(&place.join("prompts.safetensors"), &Device::flex()).unwrap();
        assert_eq!(prompts.header().steps, 3);
        let judged = Prompted::new(world.t5.get(), prompts.composition())
            .unwrap()
            .evaluate(data, Split::Dev, 5)
            .unwrap();
        assert_eq!(judged.primary(), *value);
        seen.push(fs::read(place.join("prompts.safetensors")).unwrap());
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "each draw has rows of its own");
    let mean = figure.values.iter().sum::<f64>() / 3.0;
    let squares: f64 = figure.values.iter().map(|value| (value - mean).powi(2)).sum();
    assert!(
        (figure.mean - mean).abs() < 1e-12
            && (figure.deviation.unwrap() - (squares / 2.0).sqrt()).abs() < 1e-12
    );
    let lines = fs::read_to_string(folder.join("few_shot.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[1]["mean"].as_f64().unwrap(), figure.mean);
    assert_eq!(recorded.notes.iter().filter(|note| note.contains("over 3 draws")).count(), 4);
}

#[test]
fn errors_are_reported_before_training() {
    let world = SmallWorld::new();
    let recorded = &mut Recorded::default();
    let mut unknown = staged(CompositionConfig::default());
    unknown.adaptation.as_mut().unwrap().targets = vec![name("wett")];
    let problem =
        run(&world, &unknown, ("bad", false), &Stage::ALL, recorded).unwrap_err().to_string();
    assert!(
        problem.contains("unknown task `wett`") && problem.contains("did you mean `wet`?"),
        "{problem}"
    );
    let mut all = staged(CompositionConfig::default());
    all.adaptation.as_mut().unwrap().targets =
        ["mood", "wet", "new/joy", "new/rain"].map(name).into();
    assert!(matches!(
        run(&world, &all, ("bad", false), &Stage::ALL, recorded),
        Err(Error::Stages(StageError::NoSource))
    ));
    let mut together = staged(CompositionConfig::default());
    let adaptation = together.adaptation.as_mut().unwrap();
    (adaptation.together, adaptation.nearest) = (true, Some(NearestConfig::default()));
    assert!(matches!(
        run(&world, &together, ("bad", false), &Stage::ALL, recorded),
        Err(Error::Stages(StageError::NearestTogether))
    ));
    // A target with invalid rows.
    let broken = staged(CompositionConfig::default());
    let (tasks, tokenizer) = (tasks(&world), tokenizer());
    let path = world.folder.path().join("new/joy.train.jsonl");
    fs::write(&path, "{\"text\": \"a\", \"label\": \"neither\"}\n").unwrap();
    let place = world.folder.path().join("bad");
    let pipeline = Pipeline::new(&broken, &tasks, &world.t5, &tokenizer).unwrap();
    let problem =
        pipeline.observer(&mut *recorded).run(&place, &Stage::ALL).unwrap_err().to_string();
    assert!(problem.contains("neither"), "{problem}");
    assert!(recorded.runs.is_empty() && !place.exists());
}

#[test]
fn every_composition_goes_through_all_stages() {
    let world = SmallWorld::new();
    for composition in CompositionConfig::catalogue() {
        let name = composition.name();
        let done =
            run(&world, &staged(composition), (name, false), &Stage::ALL, &mut Recorded::default());
        let done = done.unwrap();
        assert_eq!(done.runs.len(), 5, "{name}");
        // Prompts that depend on the input stay in separate files.
        assert_eq!(done.prompts.is_none(), name == "instance_attention");
    }
}

#[test]
fn attempt_mixes_the_prompts_of_its_teachers() {
    let world = SmallWorld::new();
    let mut first = staged(CompositionConfig::Separate(SeparateConfig::default()));
    first.adaptation = None;
    run(&world, &first, ("plain", false), &[Stage::Teachers], &mut Recorded::default()).unwrap();
    let path =
        |task: &str| world.folder.path().join(format!("plain/teachers/{task}/prompts.safetensors"));
    let attention = InstanceAttentionConfig { components: 2, ..InstanceAttentionConfig::default() };
    let mut second = config(CompositionConfig::InstanceAttention(attention));
    second.prompt.components = ["mood", "wet"]
        .map(|task| InitializerConfig::Prompts { path: path(task), task: None })
        .into();
    let start = world.composition(&second);
    let tensors = PromptFile::from_module(&start, String::new());
    for (number, task) in ["mood", "wet"].into_iter().enumerate() {
        let expected = composed(&path(task), task);
        // The components are concatenated in one tensor.
        let found = tensors.tensors().values().find(|data| {
            let values: Vec<f32> = data.iter::<f32>().collect();
            values.chunks(expected.len()).nth(number) == Some(&expected)
        });
        assert!(
            found.is_some(),
            "component {number} is not initialized from the prompt of `{task}`"
        );
    }
}

#[test]
fn each_stage_with_a_dev_split_has_patience() {
    let mut world = SmallWorld::new();
    world.tasks[0] =
        Task::new(&TaskConfig { dev: None, ..world.tasks[0].config().clone() }).unwrap();
    let mut config = staged(CompositionConfig::default());
    // No mean rises by more than 1: each run ends after its second evaluation.
    let evaluation = &mut config.run.evaluation;
    (evaluation.every, evaluation.patience, evaluation.min_delta) = (1, Some(1), 1.0);
    config.run.training.task_weight_decay = Some(0.01);
    let mut recorded = Recorded::default();
    let done = run(&world, &config, ("all", false), &Stage::ALL, &mut recorded).unwrap();
    let ends: Vec<Option<usize>> = done.runs.iter().map(|run| run.stopped_early).collect();
    // The teacher of the first task has no `dev` split. Plain prompts have no shared parameters and
    // no separate weight decay.
    assert_eq!(ends, [None, Some(2), Some(2), Some(2), Some(2)]);
    let expected = "ended after step 2: 1 evaluation without progress on `dev`";
    assert_eq!(recorded.notes.iter().filter(|note| *note == expected).count(), 4);
    // Few-shot runs and the runs that find the nearest source select nothing on `dev`.
    let adaptation = config.adaptation.as_mut().unwrap();
    adaptation.few_shot = Some(FewShotConfig { rows: vec![4], per_label: false, draws: 1 });
    let done = run(&world, &config, ("all", true), &[Stage::Targets], &mut recorded).unwrap();
    assert!(done.runs.iter().all(|run| run.stopped_early.is_none() && run.step == 3));
    let adaptation = config.adaptation.as_mut().unwrap();
    (adaptation.few_shot, adaptation.nearest) = (None, Some(NearestConfig { steps: 2 }));
    let noted = recorded.notes.len();
    run(&world, &config, ("all", false), &[Stage::Targets], &mut recorded).unwrap();
    // For each target, its nearest source and its early end.
    let notes = &recorded.notes[noted..];
    assert_eq!((notes.len(), notes.iter().filter(|note| *note == expected).count()), (4, 2));
}

#[test]
fn a_new_pipeline_removes_outdated_runs() {
    let world = SmallWorld::new();
    let mut config = staged(CompositionConfig::default());
    let recorded = &mut Recorded::default();
    run(&world, &config, ("run", false), &Stage::ALL, recorded).unwrap();
    let folder = world.folder.path().join("run");
    let left = |stage: Stage| {
        let runs = stage.runs_in(&folder).into_iter();
        runs.filter(|run| run.join("prompts.safetensors").exists()).count()
    };
    let all = || Stage::ALL.map(left);
    assert_eq!(all(), [2, 1, 2]);
    // A pipeline that cannot start removes nothing.
    config.run.seed += 1;
    let path = world.folder.path().join("mood.train.jsonl");
    let rows = fs::read(&path).unwrap();
    fs::write(&path, "").unwrap();
    run(&world, &config, ("run", false), &Stage::ALL, recorded).unwrap_err();
    fs::write(&path, rows).unwrap();
    assert_eq!(all(), [2, 1, 2]);
    assert!(folder.join("prompts.safetensors").exists());
    // A pipeline that only runs the first stage removes later stages of an earlier one.
    run(&world, &config, ("run", false), &[Stage::Teachers], recorded).unwrap();
    assert_eq!(all(), [2, 0, 0]);
    assert!(!folder.join("prompts.safetensors").exists());
    let done = run(&world, &config, ("run", true), &Stage::ALL, recorded).unwrap();
    assert_eq!((done.runs.len(), all()), (5, [2, 1, 2]));
}

#[test]
fn inputs_are_not_removed() {
    let world = SmallWorld::new();
    let mut alone = staged(CompositionConfig::default());
    (alone.distillation, alone.adaptation) = (None, None);
    let recorded = &mut Recorded::default();
    run(&world, &alone, ("run", false), &[Stage::Source], recorded).unwrap();
    let source = world.folder.path().join("run/prompts.safetensors");
    let before = fs::read(&source).unwrap();
    let config = staged(CompositionConfig::default());
    let problem = adapt(&world, &config, &source, "run", recorded).unwrap_err();
    assert!(matches!(problem, Error::Stages(StageError::WouldRemove { .. })), "{problem}");
    alone.run.prompt.start_from = Some(source.clone());
    let problem = run(&world, &alone, ("run", false), &[Stage::Source], recorded).unwrap_err();
    assert!(matches!(problem, Error::Stages(StageError::WouldRemove { .. })), "{problem}");
    assert_eq!(fs::read(&source).unwrap(), before);
    // Nothing is removed either if the prompts don't exist.
    let missing = world.folder.path().join("missing.safetensors");
    adapt(&world, &config, &missing, "run", recorded).unwrap_err();
    assert_eq!(fs::read(&source).unwrap(), before);
}

#[test]
fn runs_resume_after_a_move_but_not_with_another_source() {
    let world = SmallWorld::new();
    let mut config = staged(CompositionConfig::default());
    let recorded = &mut Recorded::default();
    run(&world, &config, ("here", false), &Stage::ALL, recorded).unwrap();
    let at = |name: &str| world.folder.path().join(name);
    fs::rename(at("here"), at("there")).unwrap();
    let before = learned(&at("there"));
    run(&world, &config, ("there", true), &Stage::ALL, recorded).unwrap();
    assert_eq!(learned(&at("there")), before);
    // Targets don't resume if their source was replaced.
    config.run.seed += 1;
    config.distillation = None;
    let mut alone = StagedRunConfig { adaptation: None, ..config.clone() };
    alone.run.training.steps = 2;
    run(&world, &alone, ("other", false), &[Stage::Source], recorded).unwrap();
    fs::copy(at("other/prompts.safetensors"), at("there/source/prompts.safetensors")).unwrap();
    config.run.seed -= 1;
    let problem = run(&world, &config, ("there", true), &[Stage::Targets], recorded).unwrap_err();
    assert!(problem.to_string().contains("`first_values` was"), "{problem}");
}

#[test]
fn stages_with_nothing_to_do_or_start_from_are_rejected() {
    let world = SmallWorld::new();
    let recorded = &mut Recorded::default();
    let mut config = staged(CompositionConfig::default());
    (config.distillation, config.adaptation) = (None, None);
    let problem = run(&world, &config, ("none", false), &[Stage::Teachers], recorded).unwrap_err();
    assert!(problem.to_string().contains("nothing to do for `teachers`"), "{problem}");
    // An interrupted teacher cannot be used.
    let config = staged(CompositionConfig::default());
    run(&world, &config, ("cut", false), &[Stage::Teachers], recorded).unwrap();
    fs::remove_file(world.folder.path().join("cut/teachers/wet/outcome.json")).unwrap();
    let problem = run(&world, &config, ("cut", false), &[Stage::Source], recorded).unwrap_err();
    assert!(matches!(problem, Error::Stages(StageError::Unfinished { .. })), "{problem}");
    let adapted = |change: &dyn Fn(&mut AdaptationConfig)| {
        let mut config = config.clone();
        change(config.adaptation.as_mut().unwrap());
        run(&world, &config, ("bad", false), &Stage::ALL, &mut Recorded::default()).unwrap_err()
    };
    let twice = adapted(&|adaptation| adaptation.targets = ["wet", "wet"].map(name).into());
    assert!(matches!(twice, Error::Config(ConfigError::DuplicateTarget { .. })), "{twice}");
    let few = adapted(&|adaptation| {
        adaptation.nearest = Some(NearestConfig::default());
        adaptation.few_shot = Some(FewShotConfig::default());
    });
    assert!(matches!(few, Error::Stages(StageError::NearestFewShot)), "{few}");
    let unknown = adapted(&|adaptation| adaptation.task_parts = TaskParts::Task("moot".into()));
    assert!(
        unknown.to_string().contains("unknown task `moot`; available tasks: `mood`, `wet`"),
        "{unknown}"
    );
    let frozen = adapted(&|adaptation| adaptation.frozen_levels = vec![7]);
    assert!(
        frozen.to_string().contains("`[adaptation]`: ")
            && frozen.to_string().contains("frozen_levels"),
        "{frozen}"
    );
    let none = adapted(&|adaptation| adaptation.targets = Vec::new());
    assert!(none.to_string().contains("`adaptation.targets`"), "{none}");
    let mut mixing = config.clone();
    mixing.run.composition =
        CompositionConfig::InstanceAttention(InstanceAttentionConfig::default());
    mixing.adaptation.as_mut().unwrap().nearest = Some(NearestConfig::default());
    let problem = run(&world, &mixing, ("bad", false), &Stage::ALL, recorded).unwrap_err();
    assert!(matches!(problem, Error::Stages(StageError::NearestReadsInputs)), "{problem}");
    let mut drawing = config.clone();
    drawing.run.mixture.stochastic = Some(mtpt_tasks::StochasticTasks::new(13));
    let problem = run(&world, &drawing, ("bad", false), &Stage::ALL, recorded).unwrap_err();
    assert!(problem.to_string().contains("most_tasks"), "{problem}");
    assert!(!world.folder.path().join("bad").exists());
    // More examples than there are.
    run(&world, &config, ("all", false), &Stage::ALL, recorded).unwrap();
    let mut many = config.clone();
    let few_shot = FewShotConfig { rows: vec![2, 17], per_label: false, draws: 1 };
    many.adaptation.as_mut().unwrap().few_shot = Some(few_shot);
    let source = world.folder.path().join("all/source/prompts.safetensors");
    let problem = adapt(&world, &many, &source, "many", recorded).unwrap_err();
    assert!(
        matches!(problem, Error::Data(DataError::TooFewExamples { expected: 17, found: 16, .. })),
        "{problem}"
    );
    // Runs left by an earlier few-shot command are removed.
    let before = Stage::Targets.runs_in(&world.folder.path().join("many"));
    assert!(!before.is_empty());
    adapt(&world, &config, &source, "many", recorded).unwrap();
    let after = Stage::Targets.runs_in(&world.folder.path().join("many"));
    assert_eq!(after.len(), 2, "{after:?}");
}

/// Starts the same pipeline from within a run, like another process.
struct Again<'a> {
    world: &'a SmallWorld,
    config: &'a StagedRunConfig,
    problem: Option<Error>,
}

impl Observer for Again<'_> {
    fn begin(&mut self, event: &BeginEvent<'_>) {
        if event.dir == "source" {
            let recorded = &mut Recorded::default();
            let again = run(self.world, self.config, ("run", false), &Stage::ALL, recorded);
            self.problem = again.err();
        }
    }
}

#[test]
fn two_pipelines_do_not_write_to_one_directory() {
    if !cfg!(unix) {
        println!("skipped: folders cannot be locked here");
        return;
    }
    let world = SmallWorld::new();
    let config = staged(CompositionConfig::default());
    let mut again = Again { world: &world, config: &config, problem: None };
    let (tasks, tokenizer) = (tasks(&world), tokenizer());
    let folder = world.folder.path().join("run");
    let pipeline = Pipeline::new(&config, &tasks, &world.t5, &tokenizer).unwrap();
    pipeline.observer(&mut again).run(&folder, &Stage::ALL).unwrap();
    assert!(
        matches!(again.problem, Some(Error::Checkpoint(CheckpointError::InUse { .. }))),
        "{:?}",
        again.problem
    );
}
