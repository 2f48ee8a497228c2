use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::{Path, PathBuf};

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_t5::T5;
use serde::Deserialize;

/// All architectures with a checkpoint.
pub(crate) const VARIANTS: [&str; 14] = [
    "v1_0",
    "v1_0_old",
    "v1_1",
    "gated_silu",
    "uneven",
    "family/mt5",
    "family/mt5_v4",
    "family/umt5",
    "family/umt5_v4",
    "family/byt5",
    "family/flan_ul2",
    "family/longt5_local",
    "family/longt5_global",
    "family/longt5_global_v4",
];

/// Returns the variants of `scripts/generate_family_reference.py`.
pub(crate) fn family() -> impl Iterator<Item = &'static str> {
    VARIANTS.into_iter().filter(|name| name.starts_with("family/"))
}

/// Maximum difference of a log-probability from transformers'.
///
/// Both sum in f32 in different orders, which after a few layers results in differences near 1e-6
/// at logits near 10. The rest is a margin for other CPUs.
pub(crate) const TOLERANCE: f32 = 1e-4;

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub(crate) fn load(name: &str) -> T5 {
    T5::load(&folder(name), &Device::flex()).unwrap()
}

/// Returns a message with all its causes.
pub(crate) fn message(error: &mtpt_t5::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

/// Reference values of transformers for a checkpoint.
#[derive(Deserialize)]
pub(crate) struct Reference {
    /// Where inputs are not random tokens.
    #[serde(default)]
    pub(crate) texts: Vec<String>,
    pub(crate) inputs: Vec<Vec<u32>>,
    pub(crate) targets: Vec<Vec<u32>>,
    pub(crate) token_log_probabilities: Vec<Vec<f32>>,
    #[serde(default)]
    pub(crate) greedy: Vec<Vec<u32>>,
    #[serde(default)]
    pub(crate) searches: Vec<SearchReference>,
    pub(crate) long: Option<LongReference>,
    pub(crate) gradients: Option<GradientReference>,
    pub(crate) prompted: Option<PromptedReference>,
    pub(crate) long_prompted: Option<PromptedReference>,
}

#[derive(Deserialize)]
pub(crate) struct SearchReference {
    pub(crate) num_beams: usize,
    pub(crate) length_penalty: f64,
    /// `true`, `false` or `"never"`.
    pub(crate) early_stopping: serde_json::Value,
    pub(crate) max_new_tokens: usize,
    pub(crate) texts: Vec<Vec<u32>>,
}

#[derive(Deserialize)]
pub(crate) struct LongReference {
    pub(crate) inputs: Vec<Vec<u32>>,
    pub(crate) targets: Vec<Vec<u32>>,
    pub(crate) token_log_probabilities: Vec<Vec<f32>>,
    pub(crate) greedy: Vec<Vec<u32>>,
    pub(crate) beam_4: Vec<Vec<u32>>,
}

#[derive(Deserialize)]
pub(crate) struct GradientReference {
    pub(crate) loss: f32,
    pub(crate) embeddings: Vec<f32>,
    pub(crate) parameters: BTreeMap<String, Vec<f32>>,
}

/// Reference values with a prompt in front of the inputs.
#[derive(Deserialize)]
pub(crate) struct PromptedReference {
    pub(crate) prompt: Vec<f32>,
    pub(crate) token_log_probabilities: Vec<Vec<f32>>,
    pub(crate) greedy: Vec<Vec<u32>>,
    /// Mean negative log-probability of the target tokens.
    pub(crate) loss: f32,
    /// Gradient of the loss with respect to the prompt.
    pub(crate) gradient: Vec<f32>,
}

pub(crate) fn reference(name: &str) -> Reference {
    let path = folder(name).join("reference.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Returns rows as one tensor, padded on the right, and their mask.
pub(crate) fn padded(rows: &[Vec<u32>], device: &Device) -> (Tensor<2, Int>, Tensor<2, Bool>) {
    let longest = rows.iter().map(Vec::len).max().unwrap();
    let mut ids = Vec::new();
    let mut mask = Vec::new();
    for row in rows {
        for place in 0..longest {
            ids.push(row.get(place).map_or(0, |id| *id as i32));
            mask.push(place < row.len());
        }
    }
    let shape = [rows.len(), longest];
    (
        Tensor::from_data(TensorData::new(ids, shape), device),
        Tensor::from_data(TensorData::new(mask, shape), device),
    )
}

#[track_caller]
pub(crate) fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance,
            "{what}: number {place} is {found}, expected {expected}"
        );
    }
}
