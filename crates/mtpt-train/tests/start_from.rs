use std::fs;
use std::path::PathBuf;

use burn::module::Module;
use burn::tensor::Device;
use mtpt_compose::{AddConfig, CompositionConfig, HierarchyConfig, LowRankConfig, SeparateConfig};
use mtpt_core::{Compose, TaskIndex};
use mtpt_infer::PromptFile;
use mtpt_infer::{Prompts, TaskData};
use mtpt_tasks::Task;
use mtpt_train::{PromptConfig, PromptTuningRun, RunConfig, RunDir, initial_composition};

use crate::small_world::{SmallWorld, config, task, tokenizer};

fn hierarchy() -> CompositionConfig {
    let levels = vec![
        CompositionConfig::Separate(SeparateConfig::default()),
        CompositionConfig::Add(AddConfig::default()),
        CompositionConfig::LowRank(LowRankConfig::default()),
    ];
    CompositionConfig::Hierarchy(HierarchyConfig { levels: Some(levels) })
}

/// Creates tasks in groups, each with its own data.
fn tasks(world: &SmallWorld, names: &[&str]) -> Vec<Task> {
    let folder = world.folder.path();
    names
        .iter()
        .map(|name| {
            if let Some((group, _)) = name.rsplit_once('/') {
                fs::create_dir_all(folder.join(group)).unwrap();
            }
            task(folder, name, ["happy", "sad today"], 12)
        })
        .collect()
}

fn learn(world: &SmallWorld, config: &RunConfig, tasks: Vec<Task>, run: &str) -> PathBuf {
    let (t5, device) = (&world.t5, Device::flex().autodiff());
    let start = initial_composition(config, &tasks, t5, &tokenizer(), &device).unwrap();
    let data = TaskData::read(tasks, &tokenizer(), t5, config.max_lengths()).unwrap();
    let folder = RunDir::create(&world.folder.path().join(run)).unwrap();
    PromptTuningRun::new(config, &data, t5).output(&folder).train(start).unwrap();
    folder.prompts()
}

fn from(path: PathBuf, frozen_levels: &[usize], composition: CompositionConfig) -> RunConfig {
    let start_from = Some(path);
    let frozen_levels = frozen_levels.to_vec();
    let prompt = PromptConfig { start_from, frozen_levels, ..config(composition.clone()).prompt };
    RunConfig { prompt, ..config(composition) }
}

#[test]
fn a_new_task_in_a_trained_group_trains_only_its_own_part() {
    let world = SmallWorld::new();
    let known = tasks(&world, &["sky/wet", "people/mood", "sky/bright"]);
    let trained = learn(&world, &config(hierarchy()), known, "known");
    let new = tasks(&world, &["people/hunger"]);
    let learned = learn(&world, &from(trained.clone(), &[0, 1], hierarchy()), new, "new");
    let [trained, learned] = [trained, learned].map(|path| PromptFile::read(&path).unwrap());
    // Nodes of the trained tree: the root, `sky` and its two tasks, `people` and its task.
    assert_eq!(learned.tensors()["nodes.0"], trained.tensors()["nodes.0"]);
    assert_eq!(learned.tensors()["nodes.1"], trained.tensors()["nodes.4"]);
    assert_ne!(trained.tensors()["nodes.1"], trained.tensors()["nodes.4"]);
    let left = learned.tensors()["nodes.2.left"].try_to_vec::<f32>().unwrap();
    assert!(left.iter().any(|value| *value != 1.0), "the task has learned");
}

#[test]
fn tasks_are_matched_by_name() {
    for composition in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let first = tasks(&world, &["wet", "mood"]);
        let trained = learn(&world, &config(composition.clone()), first, "first");
        let second = tasks(&world, &["mood", "fresh", "wet"]);
        let config = from(trained.clone(), &[], composition);
        let (t5, device) = (&world.t5, Device::flex().autodiff());
        let start = initial_composition(&config, &second, t5, &tokenizer(), &device).unwrap();
        let start = start.valid();
        let trained = Prompts::read(&trained, &Device::flex()).unwrap();
        for (task, name) in [(0, "mood"), (2, "wet")] {
            let now = start.compose(TaskIndex::new(task)).into_data();
            let then = trained.composition().compose(trained.find(name).unwrap()).into_data();
            assert_eq!(now, then, "{}: {name}", config.composition.name());
        }
    }
}

#[test]
fn prompts_of_another_composition_are_rejected() {
    let world = SmallWorld::new();
    let known = || tasks(&world, &["wet"]);
    let trained = learn(&world, &config(CompositionConfig::default()), known(), "first");
    let check = |config: RunConfig, expected: &str| {
        let device = Device::flex().autodiff();
        let refused =
            initial_composition(&config, &known(), &world.t5, &tokenizer(), &device).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("cannot start from `{}`: {expected}", trained.display())
        );
    };
    let composition = CompositionConfig::Add(AddConfig::default());
    check(
        from(trained.clone(), &[], composition),
        "expected the composition \"add\", found { strategy = \"low_rank\", rank = 1 }; to start from \
         these prompts, set `composition = { strategy = \"low_rank\", rank = 1 }`",
    );
    let mut longer = from(trained.clone(), &[], CompositionConfig::default());
    longer.prompt.length = 5;
    check(longer, "expected prompts of length 5, found 4; set `prompt.length = 4`");
}

#[test]
fn something_must_be_left_to_train() {
    let world = SmallWorld::new();
    for (composition, levels, expected) in [
        (
            CompositionConfig::default(),
            vec![0, 1],
            "`frozen_levels` freezes every level that has parameters; remove at least one",
        ),
        (CompositionConfig::default(), vec![2], "`frozen_levels` must be between 0 and 1, found 2"),
        (hierarchy(), vec![3], "`frozen_levels` must be between 0 and 2, found 3"),
    ] {
        let mut config = config(composition);
        config.prompt.frozen_levels = levels;
        let tasks = tasks(&world, &["sky/wet"]);
        let device = Device::flex().autodiff();
        let refused = initial_composition(&config, &tasks, &world.t5, &tokenizer(), &device);
        assert_eq!(refused.unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_part_without_trained_values_cannot_be_frozen() {
    let world = SmallWorld::new();
    let trained = learn(&world, &config(hierarchy()), tasks(&world, &["sky/wet"]), "known");
    let refused = |names: &[&str], config: &RunConfig| {
        let device = Device::flex().autodiff();
        let tasks = tasks(&world, names);
        let failure = initial_composition(config, &tasks, &world.t5, &tokenizer(), &device);
        failure.unwrap_err().to_string()
    };
    let start = format!("cannot start from `{}`", trained.display());
    assert_eq!(
        refused(&["skies/dry"], &from(trained.clone(), &[0, 1], hierarchy())),
        format!("{start}: level 1 is frozen, but these prompts have no values for `skies` there")
    );
    let separate = || CompositionConfig::Separate(SeparateConfig::default());
    let trained = learn(&world, &config(separate()), tasks(&world, &["wet"]), "separate");
    let path = trained.display();
    let expected = format!(
        "cannot start from `{path}`: nothing in it can be used here: it has no shared parameters, \
         and its tasks are `wet`; set `prompt.task_parts = {{ task = \"wet\" }}`, or rename them \
         with `mtpt import {path} --task dry --output FILE`"
    );
    assert_eq!(refused(&["dry"], &from(trained.clone(), &[], separate())), expected);
}

#[test]
fn tasks_whose_prompts_would_differ_in_length_are_named() {
    let world = SmallWorld::new();
    let levels = ["separate", "add", "concat"];
    let levels = levels.map(|name| serde_json::from_str(&format!("\"{name}\"")).unwrap());
    let levels = HierarchyConfig { levels: Some(levels.to_vec()) };
    let config = config(CompositionConfig::Hierarchy(levels));
    let device = Device::flex().autodiff();
    let tasks = tasks(&world, &["wet", "sky/bright"]);
    let refused = initial_composition(&config, &tasks, &world.t5, &tokenizer(), &device);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the prompts of `wet` and `sky/bright` would have lengths 4 and 14: a level that \
         extends prompts must be one that every task has"
    );
}
