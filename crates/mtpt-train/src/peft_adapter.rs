use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, TensorData};
use mtpt_compose::{CompositionConfig, LowRankConfig, SeparateConfig};
use mtpt_tasks::TaskId;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use crate::{Error, PromptHeader, PromptTask, Prompts, Result};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
const PICKLE: &str = "adapter_model.bin";
/// Types of adapters that are prompts for the encoder.
const READ: [&str; 2] = ["PROMPT_TUNING", "MULTITASK_PROMPT_TUNING"];

/// The type of an adapter.
#[derive(Deserialize)]
struct AdapterKind {
    peft_type: String,
}

/// What an adapter's configuration says, as far as it matters here (PEFT 0.21, `PromptLearningConfig` and
/// `MultitaskPromptTuningConfig`).
#[derive(Deserialize)]
struct AdapterConfig {
    peft_type: String,
    num_virtual_tokens: usize,
    token_dim: usize,
    num_transformer_submodules: Option<usize>,
    #[serde(default = "one")]
    num_ranks: usize,
    #[serde(default = "one")]
    num_tasks: usize,
}

fn one() -> usize {
    1
}

/// Reads an adapter of PEFT, of type `PROMPT_TUNING` or `MULTITASK_PROMPT_TUNING`, as prompts for tasks `task0`, `task1`, ...
///
/// # Errors
///
/// When a file is missing or malformed, the adapter is of another type, has prompts for the decoder, or its tensors are
/// not those that its configuration tells of.
pub(crate) fn read(folder: &Path, device: &Device) -> Result<Prompts> {
    let path = folder.join(CONFIG);
    let text = fs::read(&path).map_err(|source| Error::File {
        action: "read",
        path: path.clone(),
        source,
    })?;
    let refused = |message: String| Error::Adapter { path: path.clone(), message };
    // Its type first: adapters of another type lack the rest.
    let kind: AdapterKind =
        serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
    if !READ.contains(&kind.peft_type.as_str()) {
        return Err(refused(format!(
            "expected an adapter of type `{}` or `{}`, found `{}`",
            READ[0], READ[1], kind.peft_type
        )));
    }
    let config: AdapterConfig =
        serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
    if folder.join(PICKLE).is_file() && !folder.join(WEIGHTS).is_file() {
        return Err(refused(format!(
            "`{PICKLE}` is not read; save the adapter again with `save_pretrained(..., safe_serialization=True)`"
        )));
    }
    match config.num_transformer_submodules {
        Some(1) => {}
        // PEFT trains prompts for the decoder too by default, and then leaves them out of `generate`.
        Some(2) | None => {
            return Err(refused(
                "the adapter has prompts for the decoder too (`num_transformer_submodules` is not 1); only prompts \
                 of the encoder can be used"
                    .into(),
            ));
        }
        Some(other) => {
            return Err(refused(format!("expected `num_transformer_submodules` 1, found {other}")));
        }
    }
    let weights = Weights::read(folder.join(WEIGHTS))?;
    let (length, d_model) = (config.num_virtual_tokens, config.token_dim);
    let shared = weights.tensor("prompt_embeddings", &[length, d_model])?;
    let mut tensors = BTreeMap::new();
    let (kind, count) = match config.peft_type.as_str() {
        "PROMPT_TUNING" => {
            tensors.insert("tasks.0".to_owned(), shared);
            (CompositionConfig::Separate(SeparateConfig::default()), 1)
        }
        _ => {
            let (tasks, rank) = (config.num_tasks, config.num_ranks);
            if tasks == 0 || rank == 0 {
                return Err(refused(format!(
                    "expected at least one task and rank, found {tasks} tasks of rank {rank}"
                )));
            }
            tensors.insert("shared".to_owned(), shared);
            for (key, side, shape) in [
                ("prefix_task_cols", "left", [length, rank]),
                ("prefix_task_rows", "right", [rank, d_model]),
            ] {
                let stacked = weights.tensor(key, &[tasks, shape[0], shape[1]])?;
                let stacked = stacked.as_slice::<f32>().expect("invariant: read as f32");
                for (task, values) in stacked.chunks(shape[0] * shape[1]).enumerate() {
                    let factor = TensorData::new(values.to_vec(), shape);
                    tensors.insert(format!("tasks.{task}.{side}"), factor);
                }
            }
            (CompositionConfig::LowRank(LowRankConfig { rank }), tasks)
        }
    };
    let tasks = (0..count)
        .map(|task| {
            let name = TaskId::new(&format!("task{task}"))?;
            Ok(PromptTask { name, template: None, labels: None })
        })
        .collect::<Result<_>>()?;
    Prompts::from_tensors(tensors, PromptHeader::new(kind, length, d_model, tasks), device)
}

/// The tensors of an adapter.
struct Weights {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Weights {
    fn read(path: PathBuf) -> Result<Self> {
        let bytes = fs::read(&path).map_err(|source| Error::File {
            action: "read",
            path: path.clone(),
            source,
        })?;
        Ok(Self { path, bytes })
    }

    fn tensor(&self, name: &str, expected: &[usize]) -> Result<TensorData> {
        let refused = |message: String| Error::Adapter { path: self.path.clone(), message };
        let file = SafeTensors::deserialize(&self.bytes)
            .map_err(|error| refused(format!("not a whole safetensors file: {error}")))?;
        let view = file.tensor(name).map_err(|_| {
            let mut found = file.names();
            found.sort_unstable();
            refused(format!("tensor `{name}` is missing; there are: {}", found.join(", ")))
        })?;
        if view.shape() != expected {
            let found = view.shape();
            return Err(refused(format!(
                "tensor `{name}`: expected shape {expected:?}, found {found:?}"
            )));
        }
        if view.dtype() != Dtype::F32 {
            let found = view.dtype();
            return Err(refused(format!(
                "tensor `{name}`: expected elements of type `F32`, found `{found:?}`"
            )));
        }
        let (chunks, _) = view.data().as_chunks::<4>();
        let values: Vec<f32> = chunks.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            return Err(refused(format!("tensor `{name}`: number {place} is {}", values[place])));
        }
        Ok(TensorData::new(values, expected.to_vec()))
    }
}
