use burn::tensor::{Device, TensorData};
use mtpt_compose::{CompositionConfig, HierarchyConfig};
use mtpt_core::{Compose, TaskIndex};
use mtpt_infer::{Error, FormatError, PromptFile, PromptHeader, PromptTask, Prompts};

use crate::small_world::SmallWorld;
use crate::untrained;

#[test]
fn a_prompt_file_restores_prompts_and_tasks() {
    for config in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let written = untrained::prompts(&config, &world.tasks);
        let path = world.folder.path().join("prompts.safetensors");
        written.write(&path).unwrap();
        let prompts = Prompts::read(&path, &Device::flex()).unwrap();
        assert_eq!(prompts.header(), written.header());
        for task in ["mood", "wet"] {
            let task = prompts.find(task).unwrap();
            let values = |prompts: &Prompts| {
                let prompt = prompts.composition().compose(task).inner();
                prompt.into_data().try_to_vec::<f32>().unwrap()
            };
            assert_eq!(values(&prompts), values(&written));
        }
        let labels = prompts.tasks()[0].labels().unwrap().unwrap();
        assert_eq!(labels.words(), ["happy", "sad today"]);
        assert_eq!(prompts.tasks()[1].template().unwrap().unwrap().as_str(), "wet {text}");
        prompts.check_fits(world.t5.get()).unwrap();
        assert_eq!(prompts.find("wet").unwrap(), TaskIndex::new(1));
        let error = prompts.find("cold").unwrap_err().to_string();
        assert_eq!(error, "unknown task `cold`; available tasks: `mood`, `wet`");
    }
}

#[test]
fn malformed_and_newer_headers_are_rejected() {
    let world = SmallWorld::new();
    let composition = untrained::composition(&CompositionConfig::default(), 2);
    let path = world.folder.path().join("prompts.safetensors");
    PromptFile::from_module(&composition, "{}".into()).write(&path).unwrap();
    let error = Prompts::read(&path, &Device::flex()).unwrap_err();
    assert!(matches!(error, Error::Header { .. }));
    let start = format!("`{}`: cannot parse the header of the prompt file: ", path.display());
    let expected = format!("{start}missing field `version`; use a file that mtpt wrote");
    assert_eq!(error.to_string(), expected);
    for (header, expected) in [
        ("", "it is empty, as in a checkpoint; pass the folder of the run, or its `prompts.saf"),
        ("{\"version\"", "expected a JSON object; use a file that mtpt wrote"),
    ] {
        PromptFile::from_module(&composition, header.into()).write(&path).unwrap();
        let error = Prompts::read(&path, &Device::flex()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{start}{expected}")), "{error}");
    }
    let mut header = PromptHeader::new(CompositionConfig::default(), 4, 16, Vec::new());
    header.version = 2;
    let header = serde_json::to_string(&header).unwrap();
    PromptFile::from_module(&composition, header).write(&path).unwrap();
    let error = Prompts::read(&path, &Device::flex()).unwrap_err().to_string();
    let expected = format!(
        "`{}` is a prompt file of version 2, expected version 1; use an mtpt release that supports \
         version 2",
        path.display()
    );
    assert_eq!(error, expected);
}

#[test]
fn tasks_can_be_renamed() {
    let world = SmallWorld::new();
    let prompts = untrained::prompts(&CompositionConfig::default(), &world.tasks);
    let task = |name: &str| PromptTask::named(name.parse().unwrap());
    let error = |names: &[&str]| {
        let tasks = names.iter().map(|name| task(name)).collect();
        prompts.clone().with_tasks(tasks).unwrap_err().to_string()
    };
    assert_eq!(error(&["a"]), "the prompts are for 2 tasks, but 1 name was given");
    assert_eq!(error(&["a", "a"]), "duplicate task name `a`");
    assert!(error(&["a", "a/b"]).contains("`a` is a task"), "{}", error(&["a", "a/b"]));
    let named = prompts.clone().with_tasks(vec![task("a"), task("b")]).unwrap().with_model("m");
    assert_eq!(named.find("b").unwrap(), TaskIndex::new(1));
    assert_eq!(named.header().model, "m");
}

#[test]
fn a_folder_without_prompts_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let error = Prompts::read(folder.path(), &Device::flex()).unwrap_err();
    assert!(matches!(error, Error::Format(FormatError::NoPrompts { .. })), "{error}");
}

#[test]
fn a_missing_file_is_a_failed_access() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.safetensors");
    for error in
        [Prompts::read(&path, &Device::flex()).unwrap_err(), PromptFile::read(&path).unwrap_err()]
    {
        let failure = error.io_error().unwrap();
        assert_eq!((failure.action, &failure.path), ("read", &path));
    }
}

#[test]
fn non_finite_values_are_located() {
    let world = SmallWorld::new();
    let prompts = untrained::prompts(&CompositionConfig::default(), &world.tasks);
    let path = world.folder.path().join("prompts.safetensors");
    prompts.write(&path).unwrap();
    let file = PromptFile::read(&path).unwrap();
    let mut tensors = file.tensors().clone();
    let mut values = tensors["shared"].try_to_vec::<f32>().unwrap();
    values[18] = f32::NAN;
    tensors.insert("shared".into(), TensorData::new(values, [4, 16]));
    PromptFile::from_tensors(tensors, file.header().to_owned()).write(&path).unwrap();
    let error = Prompts::read(&path, &Device::flex()).unwrap_err().to_string();
    let expected = format!(
        "tensor `shared` in `{}`: expected finite values, found NaN at [1, 2]",
        path.display()
    );
    assert_eq!(error, expected);
}

#[test]
fn prompts_with_parameters_for_groups_keep_their_groups() {
    let world = SmallWorld::new();
    let hierarchy = CompositionConfig::Hierarchy(HierarchyConfig::default());
    let prompts = untrained::prompts(&hierarchy, &world.tasks);
    let named = |names: [&str; 2]| names.map(|name| PromptTask::named(name.parse().unwrap()));
    let renamed = prompts.clone().with_tasks(named(["a", "b"]).to_vec()).unwrap();
    assert_eq!(renamed.tasks()[1].name.as_str(), "b");
    let error = prompts.with_tasks(named(["x/a", "x/b"]).to_vec()).unwrap_err();
    assert!(matches!(error, Error::GroupsChanged), "{error}");
}
