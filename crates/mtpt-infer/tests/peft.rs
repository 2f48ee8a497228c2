//! Import of PEFT adapters and export to PEFT, see `scripts/generate_peft_reference.py` and
//! `scripts/generate_peft_exports.py`.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_compose::{CompositionConfig, LowRankConfig};
use mtpt_core::{Backbone, Compose, TaskIndex, embed_prompted};
use mtpt_infer::{PromptFormat, Prompts};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use crate::small_world::{SmallWorld, t5};
use crate::untrained;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peft")
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// Returns the logits `[positions, vocab_size]` of a row at the positions of its target.
fn logits<B: Backbone>(backbone: &B, prompts: &Prompts, task: usize, row: usize) -> Vec<f32> {
    let text = fs::read_to_string(fixtures().join("reference.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    let device = backbone.device();
    let tensor = |ids: &[u32]| {
        let length = ids.len();
        Tensor::<2, Int>::from_data(TensorData::new(ids.to_vec(), [1, length]), &device)
    };
    let input = ids(&reference["inputs"][row]);
    let target = ids(&reference["targets"][row]);
    let mask = Tensor::<2, Bool>::full([1, input.len()], true, &device);
    let tasks = [TaskIndex::new(task)];
    let composition = Some(prompts.composition());
    let inputs = embed_prompted(backbone, composition, &tasks, tensor(&input), mask);
    let encoded = backbone.encode_inputs(inputs);
    let decoder_input =
        [&[backbone.decoder_start_token_id()], &target[..target.len() - 1]].concat();
    let hidden = backbone.decode(tensor(&decoder_input), encoded);
    backbone.logits(hidden.squeeze_dim(0)).into_data().iter::<f32>().collect()
}

/// Compares logits with the ones that PEFT and transformers computed.
#[track_caller]
fn check_logits(prompts: &Prompts, expected: &Value, tasks: [usize; 3]) {
    let t5 = t5(&Device::flex());
    for (row, task) in tasks.into_iter().enumerate() {
        let found = logits(&t5, prompts, task, row);
        let positions = expected[row].as_array().unwrap().iter();
        let expected: Vec<f64> = positions
            .flat_map(|position| position.as_array().unwrap())
            .map(|value| value.as_f64().unwrap())
            .collect();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            // The tolerance of the T5 parity tests in f32.
            assert!((f64::from(*found) - expected).abs() < 1e-4, "row {row}: {found} {expected}");
        }
    }
}

fn values(prompts: &Prompts, task: usize) -> Vec<f32> {
    let prompt = prompts.composition().compose(TaskIndex::new(task));
    prompt.into_data().try_to_vec().unwrap()
}

#[test]
fn imported_adapters_match_the_logits_of_peft() {
    let text = fs::read_to_string(fixtures().join("logits.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    for name in ["multitask_rank_1", "multitask_rank_2", "plain"] {
        let prompts = Prompts::read(&fixtures().join(name), &Device::flex()).unwrap();
        let tasks = if name == "plain" { [0, 0, 0] } else { [0, 2, 1] };
        check_logits(&prompts, &reference[name], tasks);
        assert_eq!(prompts.header().model, "v1_1");
    }
}

#[test]
fn exported_prompts_match_the_logits_of_peft() {
    let folder = fixtures().join("../peft_exports");
    let text = fs::read_to_string(folder.join("logits.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    for (name, task) in
        [("low_rank", None), ("low_rank_of_wet", Some(1)), ("concat_of_topic", Some(2))]
    {
        let file = folder.join(format!("{name}.safetensors"));
        let prompts = Prompts::read(&file, &Device::flex()).unwrap();
        check_logits(&prompts, &reference[name], task.map_or([0, 2, 1], |task| [task; 3]));
        // PEFT computed the logits from the committed adapter, so exports must have its bytes.
        let temporary = tempfile::tempdir().unwrap();
        let output = temporary.path().join("a/b");
        let task = task.map(TaskIndex::new);
        PromptFormat::Peft.files(&prompts, task, &output).unwrap().write().unwrap();
        for file in ["adapter_config.json", "adapter_model.safetensors"] {
            let [found, expected] = [output.join(file), folder.join(name).join(file)];
            assert!(fs::read(found).unwrap() == fs::read(expected).unwrap(), "{name}/{file}");
        }
        let [found, expected] = [output.clone(), folder.join(name)]
            .map(|folder| Prompts::read(&folder, &Device::flex()));
        assert_eq!(found.unwrap().header(), expected.unwrap().header());
        assert_eq!(fs::read_dir(&output).unwrap().count(), 3);
    }
}

#[test]
fn an_export_can_be_read_back() {
    for composition in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let prompts = untrained::prompts(&composition, &world.tasks);
        let folder = world.folder.path().join("wet");
        let wet = Some(TaskIndex::new(1));
        if prompts.composition().reads_inputs() {
            let failure = PromptFormat::Peft.files(&prompts, wet, &folder).unwrap_err();
            assert!(failure.to_string().contains("depend on the input"), "{failure}");
            continue;
        }
        PromptFormat::Peft.files(&prompts, wet, &folder).unwrap().write().unwrap();
        let read = Prompts::read(&folder, &Device::flex()).unwrap();
        assert_eq!(values(&read, 0), values(&prompts, 1));
        assert_eq!(read.tasks(), &prompts.tasks()[1..]);
        assert_eq!(read.header().composition.name(), "separate");
        let folder = world.folder.path().join("all");
        match PromptFormat::Peft.files(&prompts, None, &folder) {
            Ok(files) => {
                assert_eq!(composition.name(), "low_rank");
                files.write().unwrap();
                let read = Prompts::read(&folder, &Device::flex()).unwrap();
                assert_eq!(read.header(), prompts.header());
                for task in [0, 1] {
                    assert_eq!(values(&read, task), values(&prompts, task));
                }
            }
            Err(error) => {
                let name = composition.name();
                let expected = format!(
                    "prompts of several tasks composed by `{name}` cannot be exported to an \
                     adapter of type `MULTITASK_PROMPT_TUNING`, which multiplies a shared prompt \
                     by low-rank factors; export one task at a time: `mood`, `wet`"
                );
                assert_eq!(error.to_string(), expected);
            }
        }
    }
}

#[test]
fn an_imported_adapter_is_exported_with_equal_tensors() {
    for name in ["multitask_rank_1", "multitask_rank_2", "plain"] {
        let folder = tempfile::tempdir().unwrap();
        let prompts = Prompts::read(&fixtures().join(name), &Device::flex()).unwrap();
        PromptFormat::Peft.files(&prompts, None, folder.path()).unwrap().write().unwrap();
        let [found, expected] = [folder.path(), &fixtures().join(name)]
            .map(|folder| fs::read(folder.join("adapter_model.safetensors")).unwrap());
        let [found, expected] = [&found, &expected].map(|bytes| {
            let file = SafeTensors::deserialize(bytes).unwrap();
            let mut tensors: Vec<_> = file.tensors();
            tensors.sort_by(|(first, _), (second, _)| first.cmp(second));
            tensors
        });
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn pickled_and_bf16_adapters_are_read() {
    let read = |name: &str| Prompts::read(&fixtures().join(name), &Device::flex()).unwrap();
    let whole = read("multitask_rank_2");
    let pickled = read("multitask_rank_2_pickled");
    let halved = read("multitask_rank_2_bf16");
    for task in 0..3 {
        assert_eq!(values(&pickled, task), values(&whole, task));
        for (halved, whole) in values(&halved, task).iter().zip(values(&whole, task)) {
            // Three factors with eight bits each, and two terms that may cancel.
            assert!((halved - whole).abs() < 0.1, "{halved} {whole}");
        }
        assert_ne!(values(&halved, task), values(&whole, task));
    }
}

/// Writes an adapter whose tensors are all ones, except for the last value of the last one.
fn adapter(folder: &Path, config: &Value, tensors: &[(&str, &[usize])], last: f32) {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .enumerate()
        .map(|(index, (_, shape))| {
            let mut values = vec![1.0_f32; shape.iter().product()];
            if index + 1 == tensors.len() {
                *values.last_mut().unwrap() = last;
            }
            values.iter().flat_map(|value| value.to_le_bytes()).collect()
        })
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, shape), bytes)| {
            (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap())
        })
        .collect::<Vec<_>>();
    let path = folder.join("adapter_model.safetensors");
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
    fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
}

#[test]
fn ranks_above_the_maximum_are_reduced() {
    let folder = tempfile::tempdir().unwrap();
    for (length, d_model) in [(2, 3), (3, 2)] {
        let config = json!({
            "peft_type": "MULTITASK_PROMPT_TUNING", "num_virtual_tokens": length,
            "token_dim": d_model, "num_transformer_submodules": 1, "num_ranks": 4, "num_tasks": 1,
        });
        let tensors: [(&str, &[usize]); 3] = [
            ("prompt_embeddings", &[length, d_model]),
            ("prefix_task_cols", &[1, length, 4]),
            ("prefix_task_rows", &[1, 4, d_model]),
        ];
        adapter(folder.path(), &config, &tensors, 3.0);
        let prompts = Prompts::read(folder.path(), &Device::flex()).unwrap();
        let rank = CompositionConfig::LowRank(LowRankConfig { rank: 2 });
        assert_eq!(prompts.header().composition, rank);
        // Sums of four products of ones, with one factor of three in the last column.
        let expected = (0..length * d_model)
            .map(|index| if index % d_model == d_model - 1 { 6.0 } else { 4.0 });
        assert_eq!(values(&prompts, 0), expected.collect::<Vec<f32>>());
    }
}

#[test]
fn unexpected_tensors_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let config = |kind: &str| {
        json!({
            "peft_type": kind, "num_virtual_tokens": 2, "token_dim": 3,
            "num_transformer_submodules": 1,
        })
    };
    let check = |kind: &str, tensors: &[(&str, &[usize])], last: f32, expected: &str| {
        adapter(folder.path(), &config(kind), tensors, last);
        let failure = Prompts::read(folder.path(), &Device::flex()).unwrap_err().to_string();
        let file = if kind == "PROMPT_TUNING" { "model.safetensors" } else { "config.json" };
        let path = folder.path().join(format!("adapter_{file}"));
        let shown = format!("`{}`", path.display());
        assert!(failure.contains(&shown) && failure.contains(expected), "{failure}");
    };
    let prompt: (&str, &[usize]) = ("prompt_embeddings", &[2, 3]);
    check(
        "PROMPT_TUNING",
        &[prompt, ("lm_head.weight", &[2, 2]), ("other", &[1])],
        1.0,
        "expected only parameters of a prompt, found `lm_head.weight`, `other`; other adapters are \
         not supported",
    );
    let nan = "expected finite values, found NaN at [1, 2]";
    check("PROMPT_TUNING", &[prompt], f32::NAN, nan);
    let shape = "expected shape [2, 3], found [4, 3]";
    check("PROMPT_TUNING", &[("prompt_embeddings", &[4, 3])], 1.0, shape);
    let missing = "has no tensor `prompt_embeddings` of shape [2, 3], found `prompt`";
    check("PROMPT_TUNING", &[("prompt", &[2, 3])], 1.0, missing);
    let other_type = "expected an adapter of type `PROMPT_TUNING` or `MULTITASK_PROMPT_TUNING`, \
                      found `LORA`, which contains more than a prompt: `a`, `b`, `c`, `d` and 1 \
                      more tensors";
    let tensors = ["a", "b", "c", "d", "e"].map(|name| (name, [1].as_slice()));
    check("LORA", &tensors, 1.0, other_type);
}

/// The adapter of a PEFT fork (DePT, arXiv 2309.05173) also adds a low-rank matrix to the input
/// embeddings.
#[test]
fn adapters_of_forks_are_rejected() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/peft/cola-t5-base");
    if !folder.exists() {
        println!("skipped: `{}` is absent", folder.display());
        return;
    }
    let failure = Prompts::read(&folder, &Device::flex()).unwrap_err().to_string();
    let expected = "adapter_config.json`: expected an adapter of type `PROMPT_TUNING` or \
                    `MULTITASK_PROMPT_TUNING`, found `PROMPT_TUNING_LORA`, which contains more \
                    than a prompt: \
                    `prompt_encoder.lora_embedding_A`, `prompt_encoder.lora_embedding_B`";
    assert!(failure.ends_with(expected), "{failure}");
}

#[test]
fn a_sidecar_file_must_match_the_tensors() {
    let exported = fixtures().join("../peft_exports/low_rank");
    let check = |from: &str, to: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        for name in ["adapter_config.json", "adapter_model.safetensors", "mtpt_tasks.json"] {
            fs::copy(exported.join(name), folder.path().join(name)).unwrap();
        }
        let path = folder.path().join("mtpt_tasks.json");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from));
        fs::write(&path, text.replace(from, to)).unwrap();
        let failure = Prompts::read(folder.path(), &Device::flex()).unwrap_err().to_string();
        assert!(failure.contains(expected), "{failure}");
    };
    let rank = r#"specifies composition {"strategy":"low_rank","rank":1}, but the tensors next to it have"#;
    check("\"rank\": 2", "\"rank\": 1", rank);
    let shape = "specifies shape [6, 16], but the tensors next to it have [5, 16]; remove the file";
    check("\"length\": 5", "\"length\": 6", shape);
    let tasks = "specifies number of tasks 2, but the tensors next to it have 3";
    check(",\n    {\n      \"name\": \"topic\"\n    }", "", tasks);
    check("\"version\": 1", "\"version\": 2", "of version 2, expected version 1");
    check(
        "\"name\": \"topic\"",
        "\"nam\": \"topic\"",
        "cannot parse the header of the prompt file",
    );
}

#[test]
fn pickles_of_other_objects_are_rejected() {
    let check = |bytes: &[u8], expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let config = fixtures().join("plain/adapter_config.json");
        fs::copy(config, folder.path().join("adapter_config.json")).unwrap();
        let path = folder.path().join("adapter_model.bin");
        fs::write(&path, bytes).unwrap();
        let failure = Prompts::read(folder.path(), &Device::flex()).unwrap_err().to_string();
        assert!(failure.starts_with(&format!("`{}`{expected}", path.display())), "{failure}");
    };
    let whole = fs::read(fixtures().join("multitask_rank_2_pickled/adapter_model.bin")).unwrap();
    let unreadable = " is not a readable PyTorch checkpoint";
    check(&whole[..whole.len() / 2], unreadable);
    check(b"hello", " is not a PyTorch file: found text that starts with `hello`");
    // `{"a": 1}` and `[1]`, as Python pickles them.
    check(
        b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s.",
        ": expected a dictionary of tensors only, found no tensors but the keys `a`",
    );
    check(b"\x80\x02]q\x00K\x01a.", unreadable);
}

#[test]
fn an_exported_adapter_has_the_tensors_and_keys_of_peft() {
    let exported = fixtures().join("../peft_exports/low_rank/adapter_model.safetensors");
    let written = fixtures().join("multitask_rank_2/adapter_model.safetensors");
    let shapes = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let mut shapes: Vec<_> =
            file.tensors().into_iter().map(|(name, view)| (name, view.shape().to_vec())).collect();
        shapes.sort();
        shapes
    };
    assert_eq!(shapes(&exported), shapes(&written));
    let keys = |path: PathBuf| {
        let config: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let mut keys: Vec<String> = config.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let mut expected = keys(written.with_file_name("adapter_config.json"));
    // PEFT adds its own version, and versions before 0.14 reject `modules_to_save`.
    expected.retain(|key| key != "peft_version" && key != "modules_to_save");
    assert_eq!(keys(exported.with_file_name("adapter_config.json")), expected);
}

#[test]
fn incomplete_adapters_are_rejected() {
    let check = |change: &dyn Fn(&Path), parts: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        for name in ["adapter_config.json", "adapter_model.safetensors"] {
            fs::copy(fixtures().join("multitask_rank_1").join(name), folder.path().join(name))
                .unwrap();
        }
        change(folder.path());
        let failure = Prompts::read(folder.path(), &Device::flex()).unwrap_err().to_string();
        for part in parts {
            assert!(failure.contains(part), "`{part}` is not in: {failure}");
        }
    };
    let edit = |from: &'static str, to: &'static str| {
        move |folder: &Path| {
            let path = folder.join("adapter_config.json");
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from));
            fs::write(path, text.replace(from, to)).unwrap();
        }
    };
    check(&edit("MULTITASK_PROMPT_TUNING", "LORA"), &["adapter_config.json", "found `LORA`"]);
    check(
        &edit("\"num_tasks\": 3", "\"num_tasks\": 4"),
        &["adapter_model.safetensors", "`prefix_task_cols`", "[4, 5, 1]", "[3, 5, 1]"],
    );
    check(
        &edit("\"num_ranks\": 1", "\"num_ranks\": 0"),
        &["a positive integer as `num_ranks`, found 0"],
    );
    check(&edit("\"num_virtual_tokens\": 5,", ""), &["adapter_config.json", "num_virtual_tokens"]);
    let remove = |folder: &Path| fs::remove_file(folder.join("adapter_model.safetensors")).unwrap();
    check(&remove, &["no weights: expected `adapter_model.safetensors` or `adapter_model.bin`"]);
    let truncate = |folder: &Path| {
        let path = folder.join("adapter_model.safetensors");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 4]).unwrap();
    };
    check(&truncate, &["adapter_model.safetensors` is truncated or damaged"]);
}

#[test]
fn prompts_of_different_tasks_differ() {
    let prompts = Prompts::read(&fixtures().join("multitask_rank_2"), &Device::flex()).unwrap();
    assert_eq!(prompts.composition().prompt_length(), 5);
    assert_ne!(values(&prompts, 0), values(&prompts, 1));
}
