//! Adapters that PEFT wrote, read here, and adapters written here, read by PEFT: see `scripts/generate_peft_reference.py`
//! and `scripts/generate_peft_exports.py`.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_compose::{CompositionConfig, LowRankConfig};
use mtpt_core::{Backbone, Compose, TaskIndex, embed_prompted};
use mtpt_infer::{PromptFormat, Prompts};
use mtpt_tasks::{Padding, TokenBatch, TokenizedExample};
use mtpt_train::{Objective, PromptTuning};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use crate::small_world::{SmallWorld, config, t5};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peft")
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

#[test]
fn adapters_of_peft_give_its_log_probabilities() {
    let text = fs::read_to_string(fixtures().join("reference.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    let t5 = t5(&Device::flex());
    let adapters = reference["adapters"].as_object().unwrap();
    assert_eq!(adapters.len(), 3);
    for (name, expected) in adapters {
        let prompts = Prompts::read(&fixtures().join(name), &Device::flex()).unwrap();
        let multitask = name.starts_with("multitask");
        let names: Vec<&str> = prompts.tasks().iter().map(|task| task.name.as_str()).collect();
        assert_eq!(names, if multitask { vec!["task0", "task1", "task2"] } else { vec!["task0"] });
        let rows: Vec<TokenizedExample> = (0..3)
            .map(|row| TokenizedExample {
                task: if multitask { ids(&reference["tasks"])[row] } else { 0 },
                input_ids: ids(&reference["inputs"][row]),
                target_ids: ids(&reference["targets"][row]),
                label: None,
                gold: None,
            })
            .collect();
        let batch = TokenBatch::new(&rows, Padding { id: 0, multiple: 1 }).unwrap();
        let losses =
            PromptTuning::new(&t5).token_losses(prompts.composition(), &batch).unwrap().nll;
        let found: Vec<f32> = losses.into_data().iter::<f32>().collect();
        let expected: Vec<f64> = expected
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(|value| value.as_f64().unwrap())
            .collect();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            // The bound that the T5 itself is held to, in f32.
            assert!((f64::from(-found) - expected).abs() < 1e-4, "{name}: {found} {expected}");
        }
    }
}

/// Logits `[positions, vocabulary]` of a row where the decoder reads its target behind the start token.
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
    let (embeddings, mask) = embed_prompted(backbone, composition, &tasks, tensor(&input), mask);
    let encoded = backbone.encode(embeddings, mask.clone());
    let read = [&[backbone.decoder_start_token_id()], &target[..target.len() - 1]].concat();
    let hidden = backbone.decode(tensor(&read), encoded, mask);
    backbone.logits(hidden.squeeze_dim(0)).into_data().iter::<f32>().collect()
}

/// Holds the logits of an adapter, or of prompts, to those that PEFT and transformers computed.
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
            // The bound that the T5 itself is held to, in f32.
            assert!((f64::from(*found) - expected).abs() < 1e-4, "row {row}: {found} {expected}");
        }
    }
}

fn numbers(prompts: &Prompts, task: usize) -> Vec<f32> {
    let prompt = prompts.composition().compose(TaskIndex::new(task));
    prompt.into_data().try_to_vec().unwrap()
}

#[test]
fn adapters_of_peft_give_its_logits() {
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
fn peft_gives_the_logits_of_exported_prompts() {
    let folder = fixtures().join("../peft_exports");
    let text = fs::read_to_string(folder.join("logits.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    for (name, task) in
        [("low_rank", None), ("low_rank_of_wet", Some(1)), ("concat_of_topic", Some(2))]
    {
        let file = folder.join(format!("{name}.safetensors"));
        let prompts = Prompts::read(&file, &Device::flex()).unwrap();
        check_logits(&prompts, &reference[name], task.map_or([0, 2, 1], |task| [task; 3]));
        // PEFT computed these logits from the committed adapter: an export of today must be the same.
        let temporary = tempfile::tempdir().unwrap();
        let place = temporary.path().join("a/b");
        let task = task.map(TaskIndex::new);
        PromptFormat::Peft.files(&prompts, task, &place).unwrap().write().unwrap();
        for file in ["adapter_config.json", "adapter_model.safetensors"] {
            let [found, expected] = [place.join(file), folder.join(name).join(file)];
            assert!(fs::read(found).unwrap() == fs::read(expected).unwrap(), "{name}/{file}");
        }
        let [found, expected] = [place.clone(), folder.join(name)]
            .map(|folder| Prompts::read(&folder, &Device::flex()));
        assert_eq!(found.unwrap().header(), expected.unwrap().header());
        assert_eq!(fs::read_dir(&place).unwrap().count(), 3);
    }
}

#[test]
fn an_export_read_again_is_what_was_exported() {
    for composition in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let start = world.composition(&config(composition.clone()));
        let tasks = world.tasks.iter().map(mtpt_infer::PromptTask::new).collect();
        let header = mtpt_infer::PromptHeader::new(composition.clone(), 4, 16, tasks);
        let prompts = Prompts::new(start, header);
        let folder = world.folder.path().join("wet");
        let wet = Some(TaskIndex::new(1));
        if prompts.composition().reads_inputs() {
            let failure = PromptFormat::Peft.files(&prompts, wet, &folder).unwrap_err();
            assert!(failure.to_string().contains("depend on the input"), "{failure}");
            continue;
        }
        PromptFormat::Peft.files(&prompts, wet, &folder).unwrap().write().unwrap();
        let read = Prompts::read(&folder, &Device::flex()).unwrap();
        assert_eq!(numbers(&read, 0), numbers(&prompts, 1));
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
                    assert_eq!(numbers(&read, task), numbers(&prompts, task));
                }
            }
            Err(error) => {
                let name = composition.name();
                let expected = format!(
                    "prompts of several tasks composed by `{name}` cannot be an adapter of type \
                     `MULTITASK_PROMPT_TUNING`, which multiplies a shared prompt by low-rank factors; each of them can, \
                     composed for itself: `mood`, `wet`"
                );
                assert_eq!(error.to_string(), expected);
            }
        }
    }
}

#[test]
fn an_adapter_of_peft_written_again_has_its_tensors() {
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
fn pickled_and_halved_adapters_are_read() {
    let read = |name: &str| Prompts::read(&fixtures().join(name), &Device::flex()).unwrap();
    let whole = read("multitask_rank_2");
    let pickled = read("multitask_rank_2_pickled");
    let halved = read("multitask_rank_2_bf16");
    for task in 0..3 {
        assert_eq!(numbers(&pickled, task), numbers(&whole, task));
        for (halved, whole) in numbers(&halved, task).iter().zip(numbers(&whole, task)) {
            // Eight bits of each of three numbers, and two terms that may cancel.
            assert!((halved - whole).abs() < 0.1, "{halved} {whole}");
        }
        assert_ne!(numbers(&halved, task), numbers(&whole, task));
    }
}

/// Writes an adapter of given tensors, all of ones but for the last number of the last one.
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
fn ranks_above_what_a_matrix_has_are_brought_down_to_it() {
    let folder = tempfile::tempdir().unwrap();
    for (length, d_model) in [(2, 3), (3, 2)] {
        let config = json!({
            "peft_type": "MULTITASK_PROMPT_TUNING", "num_virtual_tokens": length, "token_dim": d_model,
            "num_transformer_submodules": 1, "num_ranks": 4, "num_tasks": 1,
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
        // Four products of ones, and in the last column a three among them.
        let expected = (0..length * d_model)
            .map(|place| if place % d_model == d_model - 1 { 6.0 } else { 4.0 });
        assert_eq!(numbers(&prompts, 0), expected.collect::<Vec<f32>>());
    }
}

#[test]
fn tensors_that_are_no_prompt_are_refused_by_name() {
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
        "expected only parameters of a prompt, found `lm_head.weight`, `other`; other adapters are not supported",
    );
    let nan = "expected finite values, found NaN at [1, 2]";
    check("PROMPT_TUNING", &[prompt], f32::NAN, nan);
    let shape = "expected shape [2, 3], found [4, 3]";
    check("PROMPT_TUNING", &[("prompt_embeddings", &[4, 3])], 1.0, shape);
    let missing = "has no tensor `prompt_embeddings` of shape [2, 3], found `prompt`";
    check("PROMPT_TUNING", &[("prompt", &[2, 3])], 1.0, missing);
    let beside = "expected an adapter of type `PROMPT_TUNING` or `MULTITASK_PROMPT_TUNING`, found `LORA`, which changes the \
                  model by more than a prompt: `a`, `b`, `c`, `d` and 1 more tensors";
    let tensors = ["a", "b", "c", "d", "e"].map(|name| (name, [1].as_slice()));
    check("LORA", &tensors, 1.0, beside);
}

/// The adapter of a fork of PEFT (DePT, arXiv 2309.05173), which adds a low-rank matrix to the embeddings of the input.
#[test]
fn a_fork_s_adapter_that_is_more_than_a_prompt_is_refused_by_its_tensors() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/peft/cola-t5-base");
    if !folder.exists() {
        println!("skipped: `{}` is absent", folder.display());
        return;
    }
    let failure = Prompts::read(&folder, &Device::flex()).unwrap_err().to_string();
    let expected = "adapter_config.json`: expected an adapter of type `PROMPT_TUNING` or `MULTITASK_PROMPT_TUNING`, found \
                    `PROMPT_TUNING_LORA`, which changes the model by more than a prompt: \
                    `prompt_encoder.lora_embedding_A`, `prompt_encoder.lora_embedding_B`";
    assert!(failure.ends_with(expected), "{failure}");
}

#[test]
fn names_beside_an_adapter_must_fit_it() {
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
    let rank = r#"another composition than the tensors beside it: {"strategy":"low_rank","rank":1}, found"#;
    check("\"rank\": 2", "\"rank\": 1", rank);
    let shape = "another shape than the tensors beside it: [6, 16], found [5, 16]; remove it";
    check("\"length\": 5", "\"length\": 6", shape);
    let tasks = "another number of tasks than the tensors beside it: 2, found 3";
    check(",\n    {\n      \"name\": \"topic\"\n    }", "", tasks);
    check("\"version\": 1", "\"version\": 2", "of version 2, expected version 1");
    check(
        "\"name\": \"topic\"",
        "\"nam\": \"topic\"",
        "header of the prompt file is not understood",
    );
}

#[test]
fn pickles_of_something_else_are_refused_by_name() {
    let check = |bytes: &[u8], expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let config = fixtures().join("plain/adapter_config.json");
        fs::copy(config, folder.path().join("adapter_config.json")).unwrap();
        let path = folder.path().join("adapter_model.bin");
        fs::write(&path, bytes).unwrap();
        let failure = Prompts::read(folder.path(), &Device::flex()).unwrap_err().to_string();
        let shown = format!("`{}`: {expected}", path.display());
        assert!(failure.starts_with(&shown), "{failure}");
    };
    let whole = fs::read(fixtures().join("multitask_rank_2_pickled/adapter_model.bin")).unwrap();
    check(&whole[..whole.len() / 2], "not a whole file of tensors that PyTorch wrote: ");
    check(b"hello", "not a whole file of tensors that PyTorch wrote: ");
    // `{"a": 1}` and `[1]`, as Python pickles them.
    check(
        b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s.",
        "expected a dictionary of tensors; no tensors: `a`",
    );
    check(b"\x80\x02]q\x00K\x01a.", "not a whole file of tensors that PyTorch wrote: ");
}

/// What an exported adapter holds is said in PEFT's words.
#[test]
fn an_exported_adapter_has_the_tensors_of_peft() {
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
    // PEFT puts its own version where there is none; its versions before 0.14 do not know the other here.
    expected.retain(|key| key != "peft_version" && key != "modules_to_save");
    assert_eq!(keys(exported.with_file_name("adapter_config.json")), expected);
}

#[test]
fn prompts_for_the_decoder_are_refused_with_the_reason() {
    let folder = fixtures().join("with_decoder");
    let failure = Prompts::read(&folder, &Device::flex()).unwrap_err().to_string();
    assert!(
        failure.contains("adapter_config.json`: the adapter has prompts for the decoder"),
        "{failure}"
    );
}

#[test]
fn adapters_that_are_not_whole_are_refused_by_name() {
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
    check(&edit("\"num_ranks\": 1", "\"num_ranks\": 0"), &["3 tasks of rank 0"]);
    check(&edit("\"num_virtual_tokens\": 5,", ""), &["adapter_config.json", "num_virtual_tokens"]);
    let remove = |folder: &Path| fs::remove_file(folder.join("adapter_model.safetensors")).unwrap();
    check(&remove, &["cannot read", "adapter_model.safetensors"]);
    let cut = |folder: &Path| {
        let path = folder.join("adapter_model.safetensors");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 4]).unwrap();
    };
    check(&cut, &["adapter_model.safetensors` is truncated or damaged"]);
}

#[test]
fn a_prompt_is_the_shared_one_times_its_factors() {
    let prompts = Prompts::read(&fixtures().join("multitask_rank_2"), &Device::flex()).unwrap();
    assert_eq!(prompts.composition().prompt_length(), 5);
    let prompt = |task| {
        let prompt = prompts.composition().compose(TaskIndex::new(task));
        prompt.into_data().try_to_vec::<f32>().unwrap()
    };
    assert_ne!(prompt(0), prompt(1));
}
