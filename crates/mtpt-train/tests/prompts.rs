use burn::tensor::{Device, TensorData};
use mtpt_compose::{CompositionConfig, HierarchyConfig};
use mtpt_core::{Compose, TaskIndex};
use mtpt_infer::Error;
use mtpt_infer::PromptFile;
use mtpt_infer::{PromptHeader, PromptTask, Prompts};
use mtpt_tasks::TaskId;
use mtpt_train::{PromptTuningRun, RunDir};

use crate::small_world::{SmallWorld, config};

#[test]
fn a_prompt_file_is_enough_to_go_on_with() {
    for composition in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let config = config(composition);
        let folder = RunDir::create(&world.folder.path().join("run")).unwrap();
        let start = world.composition(&config);
        let trained = PromptTuningRun::new(&config, &world.data, &world.t5)
            .output(&folder)
            .train(start)
            .unwrap();
        let prompts = Prompts::read(&folder.prompts(), &Device::flex()).unwrap();
        assert_eq!(prompts.header(), trained.prompts.header());
        for task in ["mood", "wet"] {
            let task = prompts.find(task).unwrap();
            let values = |prompts: &Prompts| {
                let prompt = prompts.composition().compose(task).inner();
                prompt.into_data().try_to_vec::<f32>().unwrap()
            };
            assert_eq!(values(&prompts), values(&trained.prompts));
        }
        let labels = prompts.tasks()[0].labels().unwrap().unwrap();
        assert_eq!(labels.words(), ["happy", "sad today"]);
        assert_eq!(prompts.tasks()[1].template().unwrap().unwrap().as_str(), "wet {text}");
        prompts.check_fits(&world.t5).unwrap();
        assert_eq!(prompts.find("wet").unwrap(), TaskIndex::new(1));
        let failure = prompts.find("cold").unwrap_err().to_string();
        assert_eq!(failure, "unknown task `cold`; known are `mood`, `wet`");
    }
}

#[test]
fn a_header_that_is_not_understood_is_refused() {
    let world = SmallWorld::new();
    let composition = world.composition(&config(CompositionConfig::default()));
    let path = world.folder.path().join("prompts.safetensors");
    PromptFile::from_module(&composition, "{}".into()).write(&path).unwrap();
    let failure = Prompts::read(&path, &Device::flex()).unwrap_err();
    assert!(matches!(failure, Error::Header { .. }));
    let expected = format!("`{}`: the header of the prompt file is not understood", path.display());
    assert_eq!(failure.to_string(), expected);
    let mut header = PromptHeader::new(CompositionConfig::default(), 4, 16, Vec::new());
    header.version = 2;
    let header = serde_json::to_string(&header).unwrap();
    PromptFile::from_module(&composition, header).write(&path).unwrap();
    let failure = Prompts::read(&path, &Device::flex()).unwrap_err().to_string();
    let expected =
        format!("`{}` is a prompt file of version 2, expected version 1", path.display());
    assert_eq!(failure, expected);
}

#[test]
fn tasks_are_named_anew_as_many_as_there_are() {
    let world = SmallWorld::new();
    let header = PromptHeader::new(
        CompositionConfig::default(),
        4,
        16,
        world.tasks.iter().map(PromptTask::new).collect(),
    );
    let prompts = Prompts::new(world.composition(&config(CompositionConfig::default())), header);
    let task =
        |name: &str| PromptTask { name: TaskId::new(name).unwrap(), template: None, labels: None };
    let failure = |names: &[&str]| {
        let tasks = names.iter().map(|name| task(name)).collect();
        prompts.clone().with_tasks(tasks).unwrap_err().to_string()
    };
    assert_eq!(failure(&["a"]), "the prompts are for 2 tasks, but 1 were named");
    assert!(failure(&["a", "a"]).starts_with("task `a`: "), "{}", failure(&["a", "a"]));
    assert!(failure(&["a", "a/b"]).contains("`a` is a task"), "{}", failure(&["a", "a/b"]));
    let named = prompts.clone().with_tasks(vec![task("a"), task("b")]).unwrap().with_model("m");
    assert_eq!(named.find("b").unwrap(), TaskIndex::new(1));
    assert_eq!(named.header().model, "m");
}

#[test]
fn a_folder_without_prompts_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let failure = Prompts::read(folder.path(), &Device::flex()).unwrap_err();
    assert!(matches!(failure, Error::NoPrompts { .. }), "{failure}");
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let start = world.composition(&config);
    let trained = PromptTuningRun::new(&config, &world.data, &world.t5).train(start).unwrap();
    let path = world.folder.path().join("prompts.safetensors");
    trained.prompts.write(&path).unwrap();
    let file = PromptFile::read(&path).unwrap();
    let mut tensors = file.tensors().clone();
    let mut values = tensors["shared"].try_to_vec::<f32>().unwrap();
    values[18] = f32::NAN;
    tensors.insert("shared".into(), TensorData::new(values, [4, 16]));
    PromptFile::from_tensors(tensors, file.header().to_owned()).write(&path).unwrap();
    let refused = Prompts::read(&path, &Device::flex()).unwrap_err().to_string();
    let expected = format!(
        "tensor `shared` in `{}`: expected finite values, found NaN at [1, 2]",
        path.display()
    );
    assert_eq!(refused, expected);
}

#[test]
fn prompts_with_parts_for_groups_keep_their_tree() {
    let world = SmallWorld::new();
    let hierarchy = CompositionConfig::Hierarchy(HierarchyConfig::default());
    let config = config(hierarchy);
    let start = world.composition(&config);
    let trained = PromptTuningRun::new(&config, &world.data, &world.t5).train(start).unwrap();
    let named = |names: [&str; 2]| {
        names.map(|name| PromptTask { name: name.parse().unwrap(), template: None, labels: None })
    };
    let renamed = trained.prompts.clone().with_tasks(named(["a", "b"]).to_vec()).unwrap();
    assert_eq!(renamed.tasks()[1].name.as_str(), "b");
    let refused = trained.prompts.with_tasks(named(["x/a", "x/b"]).to_vec()).unwrap_err();
    assert!(matches!(refused, Error::OtherTree), "{refused}");
}
