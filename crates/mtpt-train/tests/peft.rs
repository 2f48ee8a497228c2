//! Adapters that PEFT wrote, read here: see `scripts/generate_peft_reference.py`.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_core::{Compose, TaskIndex};
use mtpt_tasks::{Padding, TokenBatch, TokenizedExample};
use mtpt_train::{Objective, PromptTuning, Prompts};
use serde_json::Value;

use crate::small_world::t5;

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
        let losses = PromptTuning::new(&t5).token_losses(prompts.composition(), &batch);
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
    check(&cut, &["adapter_model.safetensors`: not a whole safetensors file"]);
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
