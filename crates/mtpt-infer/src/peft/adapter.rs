use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, TensorData};
use mtpt_compose::{CompositionConfig, LowRankConfig, SeparateConfig};
use mtpt_io::layout::{f32_values, stack, unstack};

use crate::error::{Error, Result};
use crate::exported_files::PromptFiles;
use crate::format_error::FormatError;
use crate::header::PromptHeader;
use crate::peft::config::{AdapterConfig, AdapterKind, CONFIG};
use crate::peft::weights::AdapterWeights;
use crate::prompts::Prompts;
use crate::sidecar;

/// Shared prompt of an adapter, `[length, d_model]`.
const SHARED: &str = "prompt_embeddings";
/// Left low-rank factors of all tasks, `[tasks, length, rank]`.
const LEFT: &str = "prefix_task_cols";
/// Right low-rank factors of all tasks, `[tasks, rank, d_model]`.
const RIGHT: &str = "prefix_task_rows";

/// Returns whether a folder contains an adapter of any type.
pub(crate) fn is_adapter(folder: &Path) -> bool {
    folder.join(CONFIG).is_file()
}

/// Reads an adapter of type `PROMPT_TUNING` or `MULTITASK_PROMPT_TUNING`.
///
/// Task names come from the sidecar file. Without one, the tasks are `task0`, `task1`, ...
///
/// # Errors
///
/// - [`FormatError::AdapterType`] for an adapter of another type.
/// - [`FormatError::Malformed`] when a file is malformed, the adapter has prompts for the decoder,
///   or its tensors are not the ones that its configuration describes.
/// - [`Error::Io`] when a file is missing.
pub(crate) fn read(folder: &Path, device: &Device) -> Result<Prompts> {
    let config = AdapterConfig::read(folder).map_err(|error| with_tensors(error, folder))?;
    let mut weights = AdapterWeights::open(folder)?;
    let AdapterConfig { kind, length, d_model, model } = config;
    let shared = weights.take(SHARED, &[length, d_model])?;
    let mut tensors = BTreeMap::new();
    let (composition, count) = match kind {
        AdapterKind::Plain => {
            tensors.insert("tasks.0".to_owned(), shared);
            (CompositionConfig::Separate(SeparateConfig::default()), 1)
        }
        AdapterKind::Multitask { tasks, rank } => {
            let left = unstack(&weights.take(LEFT, &[tasks, length, rank])?);
            let right = unstack(&weights.take(RIGHT, &[tasks, rank, d_model])?);
            let max_rank = length.min(d_model);
            for (task, (mut left, mut right)) in left.into_iter().zip(right).enumerate() {
                if rank > max_rank {
                    (left, right) = with_full_rank(&left, &right);
                }
                tensors.insert(format!("tasks.{task}.left"), left);
                tensors.insert(format!("tasks.{task}.right"), right);
            }
            tensors.insert("shared".to_owned(), shared);
            (CompositionConfig::LowRank(LowRankConfig { rank: rank.min(max_rank) }), tasks)
        }
    };
    weights.finish()?;
    let mut header = PromptHeader::unnamed(composition, length, d_model, count);
    header.model = model;
    let header = sidecar::read_or(folder, header)?;
    Prompts::from_tensors(tensors, header, device)
}

/// Exports prompts to an adapter: of type `MULTITASK_PROMPT_TUNING` for the `low_rank` composition,
/// of type `PROMPT_TUNING` for plain prompts of one task.
///
/// # Errors
///
/// [`FormatError::NotRepresentable`] for several tasks with another composition.
pub(crate) fn files(prompts: &Prompts, folder: &Path) -> Result<PromptFiles> {
    let header = prompts.header();
    let config = |kind| {
        let (length, d_model, model) = (header.length, header.d_model, header.model.clone());
        AdapterConfig { kind, length, d_model, model }
    };
    let tensors = prompts.tensors();
    let tasks = header.tasks.len();
    let (config, weights) = match &header.composition {
        CompositionConfig::LowRank(LowRankConfig { rank }) => {
            let all =
                |name| stack((0..tasks).map(|task| &tensors[&format!("tasks.{task}.{name}")]));
            let shared = tensors["shared"].clone();
            let weights = vec![(SHARED, shared), (LEFT, all("left")), (RIGHT, all("right"))];
            (config(AdapterKind::Multitask { tasks, rank: *rank }), weights)
        }
        CompositionConfig::Separate(_) if tasks == 1 => {
            (config(AdapterKind::Plain), vec![(SHARED, tensors["tasks.0"].clone())])
        }
        _ => {
            return Err(header.not_representable(
                "to an adapter of type `MULTITASK_PROMPT_TUNING`, which multiplies a shared prompt \
                 by low-rank factors",
            ));
        }
    };
    Ok(PromptFiles::new(vec![
        AdapterWeights::file(folder, &weights)?,
        sidecar::file(folder, header)?,
        config.file(folder),
    ]))
}

/// Converts factors whose rank exceeds that of their product to factors with its maximum rank: the
/// product and an identity matrix.
fn with_full_rank(left: &TensorData, right: &TensorData) -> (TensorData, TensorData) {
    let ([length, rank], d_model) = ([left.shape()[0], left.shape()[1]], right.shape()[1]);
    let (left, right) = (f32_values(left), f32_values(right));
    let product = (0..length * d_model).map(|index| {
        let (row, column) = (index / d_model, index % d_model);
        let terms = (0..rank).map(|inner| {
            f64::from(left[row * rank + inner]) * f64::from(right[inner * d_model + column])
        });
        terms.sum::<f64>() as f32
    });
    let product = TensorData::new(product.collect::<Vec<f32>>(), [length, d_model]);
    let size = length.min(d_model);
    let identity = (0..size * size).map(|index| f32::from(u8::from(index / size == index % size)));
    let identity = TensorData::new(identity.collect::<Vec<f32>>(), [size, size]);
    if length <= d_model { (identity, product) } else { (product, identity) }
}

/// Adds the names of tensors other than the prompt to [`FormatError::AdapterType`].
fn with_tensors(error: Error, folder: &Path) -> Error {
    let Error::Format(FormatError::AdapterType { path, found, .. }) = error else { return error };
    let other_tensors: Vec<String> = AdapterWeights::open(folder)
        .map(|weights| weights.names().filter(|name| *name != SHARED).map(str::to_owned).collect())
        .unwrap_or_default();
    FormatError::AdapterType { path, found, other_tensors }.into()
}
