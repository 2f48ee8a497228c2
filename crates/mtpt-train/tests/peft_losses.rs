//! Losses with PEFT adapters, see `generate_peft_reference.py` of `mtpt-infer`.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_infer::Prompts;
use mtpt_tasks::{Batch, TokenizedExample};
use mtpt_train::{Objective, PromptTuning};
use serde_json::Value;

use crate::small_world::t5;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-infer/tests/fixtures/peft")
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

#[test]
fn losses_match_the_log_probabilities_of_peft() {
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
                task: if multitask { ids(&reference["tasks"])[row] as usize } else { 0 },
                input_ids: ids(&reference["inputs"][row]),
                target_ids: ids(&reference["targets"][row]),
                label: None,
                gold: None,
            })
            .collect();
        let batch = Batch::of_examples(&rows).unwrap();
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
            // The tolerance of the T5 parity tests in f32.
            assert!((f64::from(-found) - expected).abs() < 1e-4, "{name}: {found} {expected}");
        }
    }
}
