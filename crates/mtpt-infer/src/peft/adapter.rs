use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, TensorData};
use mtpt_compose::{CompositionConfig, LowRankConfig, SeparateConfig};

use crate::error::{Error, Result};
use crate::peft::config::{AdapterConfig, AdapterKind, CONFIG};
use crate::peft::weights::AdapterWeights;
use crate::prompt_files::PromptFiles;
use crate::prompts::{PromptHeader, Prompts};
use crate::sidecar;
use mtpt_io::layout::{f32_values, stack, unstack};

/// Tensors of an adapter: the shared prompt `[length, d_model]`, and the factors of all tasks, `[tasks, length, rank]` and
/// `[tasks, rank, d_model]`.
const SHARED: &str = "prompt_embeddings";
const LEFT: &str = "prefix_task_cols";
const RIGHT: &str = "prefix_task_rows";

/// Whether a folder is that of an adapter, of whatever type.
pub(crate) fn is_adapter(folder: &Path) -> bool {
    folder.join(CONFIG).is_file()
}

/// Reads an adapter of PEFT, of type `PROMPT_TUNING` or `MULTITASK_PROMPT_TUNING`.
///
/// Its tasks are those that the file beside it names, or else `task0`, `task1`, ...
///
/// # Errors
///
/// When a file is missing or malformed, the adapter is of another type, has prompts for the decoder, or its tensors are
/// not those that its configuration tells of.
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
            let highest = length.min(d_model);
            for (task, (mut left, mut right)) in left.into_iter().zip(right).enumerate() {
                if rank > highest {
                    (left, right) = of_highest_rank(&left, &right);
                }
                tensors.insert(format!("tasks.{task}.left"), left);
                tensors.insert(format!("tasks.{task}.right"), right);
            }
            tensors.insert("shared".to_owned(), shared);
            (CompositionConfig::LowRank(LowRankConfig { rank: rank.min(highest) }), tasks)
        }
    };
    weights.finish()?;
    let mut header = PromptHeader::unnamed(composition, length, d_model, count);
    header.model = model;
    let header = sidecar::read_or(folder, header)?;
    Prompts::from_tensors(tensors, header, device)
}

/// The files of an adapter: of type `MULTITASK_PROMPT_TUNING` for prompts composed by `low_rank`, of type `PROMPT_TUNING`
/// for those of one task.
///
/// # Errors
///
/// [`Error::NoForm`] for several tasks that are composed otherwise.
pub(crate) fn files(prompts: &Prompts, folder: &Path) -> Result<PromptFiles> {
    let PromptHeader { length, d_model, model, tasks, .. } = prompts.header();
    let config = |kind| {
        let (length, d_model, model) = (*length, *d_model, model.clone());
        AdapterConfig { kind, length, d_model, model }
    };
    let tensors = prompts.tensors();
    let (config, weights) = match &prompts.header().composition {
        CompositionConfig::LowRank(LowRankConfig { rank }) => {
            let all = |name| {
                stack((0..tasks.len()).map(|task| &tensors[&format!("tasks.{task}.{name}")]))
            };
            let shared = tensors["shared"].clone();
            let weights = vec![(SHARED, shared), (LEFT, all("left")), (RIGHT, all("right"))];
            (config(AdapterKind::Multitask { tasks: tasks.len(), rank: *rank }), weights)
        }
        CompositionConfig::Separate(_) if tasks.len() == 1 => {
            (config(AdapterKind::Plain), vec![(SHARED, tensors["tasks.0"].clone())])
        }
        other => {
            return Err(Error::NoForm {
                strategy: other.name(),
                form: "an adapter of type `MULTITASK_PROMPT_TUNING`, which multiplies a shared prompt by low-rank factors",
                tasks: tasks.iter().map(|task| task.name.clone()).collect(),
            });
        }
    };
    Ok(PromptFiles::new(vec![
        AdapterWeights::file(folder, &weights)?,
        sidecar::file(folder, prompts.header())?,
        config.file(folder),
    ]))
}

/// The same product from factors of the highest rank that it can have, where PEFT has more: one factor is the product
/// itself, the other has ones on its diagonal.
fn of_highest_rank(left: &TensorData, right: &TensorData) -> (TensorData, TensorData) {
    let ([length, rank], d_model) = ([left.shape()[0], left.shape()[1]], right.shape()[1]);
    let (left, right) = (f32_values(left), f32_values(right));
    let product = (0..length * d_model).map(|place| {
        let (row, column) = (place / d_model, place % d_model);
        let terms = (0..rank).map(|inner| {
            f64::from(left[row * rank + inner]) * f64::from(right[inner * d_model + column])
        });
        terms.sum::<f64>() as f32
    });
    let product = TensorData::new(product.collect::<Vec<f32>>(), [length, d_model]);
    let size = length.min(d_model);
    let diagonal = (0..size * size).map(|place| f32::from(u8::from(place / size == place % size)));
    let diagonal = TensorData::new(diagonal.collect::<Vec<f32>>(), [size, size]);
    if length <= d_model { (diagonal, product) } else { (product, diagonal) }
}

/// What adapters of other types have beside a prompt tells why they cannot be one.
fn with_tensors(error: Error, folder: &Path) -> Error {
    let Error::AdapterType { path, found, .. } = error else { return error };
    let beside: Vec<String> = AdapterWeights::open(folder)
        .map(|weights| weights.names().filter(|name| *name != SHARED).map(str::to_owned).collect())
        .unwrap_or_default();
    Error::AdapterType { path, found, beside }
}
