use std::fs;
use std::path::PathBuf;

use burn::tensor::{Device, TensorData};
use mtpt_compose::CompositionConfig;
use mtpt_core::{Compose, TaskIndex};
use mtpt_infer::PromptFile;
use mtpt_infer::{PromptHeader, PromptTask, Prompts};
use mtpt_io::npy::npy_bytes;
use mtpt_train::{InitializerConfig, PromptConfig, RunConfig, initial_composition};

use crate::small_world::{SmallWorld, config, tokenizer};

fn with(initializer: InitializerConfig, length: usize) -> RunConfig {
    let config = config(CompositionConfig::default());
    RunConfig { prompt: PromptConfig { length, initializer, ..PromptConfig::default() }, ..config }
}

fn prompt(world: &SmallWorld, config: &RunConfig) -> Result<Vec<f32>, String> {
    let device = Device::flex();
    let composition = initial_composition(config, &world.tasks, &world.t5, &tokenizer(), &device)
        .map_err(|error| error.to_string())?;
    let prompt = composition.compose(TaskIndex::new(0));
    Ok(prompt.into_data().try_to_vec::<f32>().unwrap())
}

/// Encodes a `.npy` file of format 1.0.
fn npy(rows: usize, columns: usize, values: &[f32]) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[test]
fn text_and_class_labels_are_initialized_from_embeddings() {
    let world = SmallWorld::new();
    let text = |text: &str| InitializerConfig::Text { text: text.into() };
    let twice = prompt(&world, &with(text("sunny rain"), 4)).unwrap();
    assert_eq!(twice[..32], twice[32..], "the text is repeated, without its end");
    // The label words of both tasks in order: `happy` is one token and comes first.
    let labels = InitializerConfig::ClassLabels { population: None };
    let labels = prompt(&world, &with(labels, 4)).unwrap();
    let happy = prompt(&world, &with(text("happy"), 1)).unwrap();
    assert_eq!(labels[..16], happy[..]);
}

#[test]
fn npy_and_safetensors_files_are_read() {
    let world = SmallWorld::new();
    let values: Vec<f32> = (0..48).map(|value| value as f32 / 7.0).collect();
    for name in ["start.npy", "encoder.prompt.prompt.prompt"] {
        let path = world.folder.path().join(name);
        fs::write(&path, npy(3, 16, &values)).unwrap();
        let file = InitializerConfig::File { path, tensor: None };
        assert_eq!(prompt(&world, &with(file, 3)).unwrap(), values);
    }
    let path = world.folder.path().join("start.safetensors");
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let view =
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![3, 16], &bytes).unwrap();
    safetensors::serialize_to_file([("prompt", view)], None, &path).unwrap();
    for tensor in [None, Some("prompt".to_owned())] {
        let file = InitializerConfig::File { path: path.clone(), tensor };
        assert_eq!(prompt(&world, &with(file, 3)).unwrap(), values);
    }
    let file = InitializerConfig::File { path: path.clone(), tensor: Some("other".into()) };
    let failure = prompt(&world, &with(file, 3)).unwrap_err();
    assert_eq!(failure, format!("`{}` has no tensor `other`, found `prompt`", path.display()));
}

#[test]
fn a_prompt_wider_than_the_model_is_rejected() {
    let world = SmallWorld::new();
    let path = world.folder.path().join("wide.npy");
    fs::write(&path, npy(3, 24, &[0.0; 72])).unwrap();
    let file = InitializerConfig::File { path, tensor: None };
    let failure = prompt(&world, &with(file, 3)).unwrap_err();
    assert_eq!(failure, "the initial prompt has 3 vectors of width 24, expected 3 of width 16");
}

#[test]
fn files_without_a_prompt_are_rejected_by_name() {
    let world = SmallWorld::new();
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let path: PathBuf = world.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let file = InitializerConfig::File { path: path.clone(), tensor: None };
        let failure = prompt(&world, &with(file, 3)).unwrap_err();
        assert!(failure.contains(&path.display().to_string()), "{failure}");
        assert!(failure.contains(expected), "{failure}");
    };
    check("text.npy", b"hello", "is not a `.npy` file: found text that starts with `hello`");
    check("flat.safetensors", b"hello", "is not a safetensors file");
    let nan = npy(3, 16, &[f32::NAN; 48]);
    check("nan.npy", &nan, "expected finite values, found NaN at [0, 0]");
    let short = npy(3, 16, &[0.0; 40]);
    check("short.npy", &short, "is truncated or damaged: expected 320 bytes, found 288");
}

#[test]
fn a_rank_above_the_maximum_is_rejected() {
    let world = SmallWorld::new();
    let mut config = with(InitializerConfig::default(), 4);
    config.composition = CompositionConfig::LowRank(mtpt_compose::LowRankConfig { rank: 5 });
    let failure = prompt(&world, &config).unwrap_err();
    assert_eq!(failure, "`rank` must be between 1 and 4, found 5");
}

#[test]
fn components_have_their_own_initial_values() {
    let world = SmallWorld::new();
    let path = world.folder.path().join("trained.npy");
    let values: Vec<f32> = (0..4 * 16).map(|value| value as f32).collect();
    fs::write(&path, npy_bytes(&TensorData::new(values.clone(), [4, 16]))).unwrap();
    let given = InitializerConfig::File { path, tensor: None };
    for composition in ["attention", "instance_attention"] {
        let text = format!("{{\"strategy\": \"{composition}\", \"components\": 2}}");
        let mut config = config(serde_json::from_str(&text).unwrap());
        config.prompt.components = vec![given.clone()];
        let start = world.composition(&config);
        let tensors = PromptFile::from_module(&start, String::new()).tensors().clone();
        let (_, found) = tensors.iter().find(|(name, _)| name.ends_with("components")).unwrap();
        let found = found.try_to_vec::<f32>().unwrap();
        assert_eq!(found[..64], values[..]);
        assert!(found[64..] != values[..]);

        config.prompt.components = vec![given.clone(); 3];
        let device = Device::flex().autodiff();
        let refused = initial_composition(&config, &world.tasks, &world.t5, &tokenizer(), &device);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "`prompt.components` must be a list of no more prompts than the composition has components, found 3"
        );
    }
}

#[test]
fn a_prompt_is_initialized_from_a_trained_task() {
    let world = SmallWorld::new();
    let path = world.folder.path().join("trained.safetensors");
    let text = InitializerConfig::Text { text: "sunny rain".into() };
    let start = with(text, 4);
    let header = PromptHeader::new(
        start.composition.clone(),
        4,
        16,
        world.tasks.iter().map(PromptTask::new).collect(),
    );
    Prompts::new(world.composition(&start), header).write(&path).unwrap();
    let of_task = |task: Option<&str>| {
        let task = task.map(str::to_owned);
        prompt(&world, &with(InitializerConfig::Prompts { path: path.clone(), task }, 4))
    };
    assert_eq!(of_task(Some("wet")).unwrap(), prompt(&world, &start).unwrap());
    let failure = of_task(None).unwrap_err();
    assert_eq!(
        failure,
        format!("`{}`: expected `task` to name one of: `mood`, `wet`", path.display())
    );
    assert!(of_task(Some("wett")).unwrap_err().contains("did you mean `wet`?"));
    // A prompt of another length is rejected, as from any file.
    let other = InitializerConfig::Prompts { path, task: Some("wet".into()) };
    assert!(prompt(&world, &with(other, 5)).unwrap_err().contains('5'));
}
