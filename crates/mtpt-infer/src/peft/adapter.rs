use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, TensorData};
use mtpt_compose::{CompositionConfig, LowRankConfig, SeparateConfig};
use mtpt_io::layout::{f32_values, stack, unstack};

use crate::error::{Error, Result};
use crate::exported_files::PromptFiles;
use crate::format_error::FormatError;
use crate::header::PromptHeader;
use crate::note::PromptNote;
use crate::peft::config::{AdapterConfig, AdapterKind, CONFIG};
use crate::peft::folder::adapter_folder;
use crate::peft::weights::AdapterWeights;
use crate::prompts::Prompts;
use crate::sidecar;

/// Shared prompt of an adapter, `[length, d_model]`.
const SHARED: &str = "prompt_embeddings";
/// Left low-rank factors of all tasks, `[tasks, length, rank]`.
const LEFT: &str = "prefix_task_cols";
/// Right low-rank factors of all tasks, `[tasks, rank, d_model]`.
const RIGHT: &str = "prefix_task_rows";

/// Use of the decoder's vectors of an adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecoderPrompt {
    /// They are prepended to the decoder's input, as in PEFT's `forward`.
    #[default]
    Used,
    /// They are dropped, as in PEFT's `generate`.
    Ignored,
}

/// Reads an adapter of type `PROMPT_TUNING` or `MULTITASK_PROMPT_TUNING`, from its folder or one of
/// its files.
///
/// Task names come from the sidecar file. Without one, the tasks are `task0`, `task1`, ...
///
/// With two submodules, PEFT's default, the second half of the vectors is for the decoder. PEFT
/// uses it for `MULTITASK_PROMPT_TUNING` only, and there in `forward` only; for `PROMPT_TUNING`, it
/// is dropped.
///
/// # Errors
///
/// - [`FormatError::AdapterType`] for an adapter of another type.
/// - [`FormatError::Malformed`] when a file is malformed, the adapter is for another type of model,
///   or it has further tensors.
/// - [`FormatError::AdapterShape`], [`FormatError::EmptyTensor`], [`FormatError::RenamedTensor`]
///   and [`Error::Tensors`] when the tensors are not the ones that the configuration describes.
/// - [`FormatError::NoAdapterWeights`] and [`Error::Io`] when a file is missing.
pub(crate) fn read(path: &Path, decoder: DecoderPrompt, device: &Device) -> Result<Prompts> {
    let folder = &adapter_folder(path).unwrap_or_else(|| path.to_owned());
    let config = AdapterConfig::read(folder).map_err(|error| with_tensors(error, folder))?;
    let mut weights = AdapterWeights::open(folder)?;
    check_modules_to_save(&config, &weights)?;
    let layout = Layout::new(&config, &weights, folder)?;
    let Layout { length, submodules, d_model } = layout;
    let rows = layout.rows();
    let mut shared = layout.take(&mut weights, SHARED, &[rows, d_model])?;
    let mut tensors = BTreeMap::new();
    let mut notes = Vec::new();
    let mut decoder_length = 0;
    let (composition, count) = match config.kind {
        AdapterKind::Plain => {
            if submodules == 2 {
                let (path, used, found) = (folder.clone(), length, rows);
                notes.push(PromptNote::UnusedVectors { path, used, found });
                shared = first_rows(&shared, length);
            }
            tensors.insert("tasks.0".to_owned(), shared);
            (CompositionConfig::Separate(SeparateConfig::default()), 1)
        }
        AdapterKind::Multitask { tasks, rank } => {
            let left = unstack(&layout.take(&mut weights, LEFT, &[tasks, rows, rank])?);
            let right = unstack(&layout.take(&mut weights, RIGHT, &[tasks, rank, d_model])?);
            let used = match decoder {
                DecoderPrompt::Used => rows,
                DecoderPrompt::Ignored => length,
            };
            decoder_length = used - length;
            if decoder_length > 0 {
                let (path, length) = (folder.clone(), decoder_length);
                notes.push(PromptNote::DecoderPrompt { path, length });
            }
            let max_rank = used.min(d_model);
            for (task, (left, mut right)) in left.into_iter().zip(right).enumerate() {
                let mut left = first_rows(&left, used);
                if rank > max_rank {
                    (left, right) = with_full_rank(&left, &right);
                }
                tensors.insert(format!("tasks.{task}.left"), left);
                tensors.insert(format!("tasks.{task}.right"), right);
            }
            tensors.insert("shared".to_owned(), first_rows(&shared, used));
            (CompositionConfig::LowRank(LowRankConfig { rank: rank.min(max_rank) }), tasks)
        }
    };
    weights.finish()?;
    let mut header = PromptHeader::unnamed(composition, length, d_model, count);
    header.decoder_length = decoder_length;
    header.model = config.model;
    let header = sidecar::read_or(folder, header)?;
    Ok(Prompts::from_tensors(tensors, header, device)?.with_notes(notes))
}

/// Shape of the prompt in an adapter.
struct Layout {
    /// Number of vectors for the encoder.
    length: usize,
    /// Number of stacks with as many vectors each.
    submodules: usize,
    d_model: usize,
}

impl Layout {
    /// Completes the configuration from the shape of the prompt, and checks the names of tensors.
    fn new(config: &AdapterConfig, weights: &AdapterWeights, folder: &Path) -> Result<Self> {
        let names: &[&str] = match config.kind {
            AdapterKind::Plain => &[SHARED],
            AdapterKind::Multitask { .. } => &[SHARED, LEFT, RIGHT],
        };
        weights.check_names(names)?;
        let length = config.length;
        let found = weights.shape(SHARED);
        let submodules = config.submodules.unwrap_or(match found {
            Some([rows, _]) if rows.is_multiple_of(2) && rows / 2 == length => 2,
            _ => 1,
        });
        let d_model = config.d_model.or_else(|| found.and_then(|shape| shape.get(1).copied()));
        let d_model = d_model.ok_or_else(|| {
            FormatError::malformed(&folder.join(CONFIG), "expected the key `token_dim`, found none")
        })?;
        Ok(Self { length, submodules, d_model })
    }

    /// Returns the number of vectors.
    fn rows(&self) -> usize {
        self.length.saturating_mul(self.submodules)
    }

    /// Reads a tensor of the shape that follows from the configuration.
    fn take(
        &self,
        weights: &mut AdapterWeights,
        name: &str,
        expected: &[usize],
    ) -> Result<TensorData> {
        match weights.shape(name) {
            Some(found) if found != expected => Err(FormatError::AdapterShape {
                path: weights.path().to_owned(),
                tensor: name.to_owned(),
                shapes: Box::new([expected.to_vec(), found.to_vec()]),
                virtual_tokens: self.length,
                submodules: self.submodules,
            }
            .into()),
            _ => weights.take(name, expected),
        }
    }
}

/// Rejects an adapter whose file contains modules of the model that were trained, too.
fn check_modules_to_save(config: &AdapterConfig, weights: &AdapterWeights) -> Result<()> {
    let is_saved = |module: &&String| {
        weights.names().any(|name| name.split('.').any(|segment| segment == module.as_str()))
    };
    match config.modules_to_save.iter().find(is_saved) {
        Some(module) => Err(FormatError::malformed(
            weights.path(),
            format!(
                "the adapter contains the module `{module}` of the model (`modules_to_save`), \
                 which was trained with the prompt; only prompts of an unchanged model are \
                 supported"
            ),
        )
        .into()),
        None => Ok(()),
    }
}

/// Returns the first rows of a matrix.
fn first_rows(matrix: &TensorData, rows: usize) -> TensorData {
    let columns = matrix.shape()[1];
    TensorData::new(f32_values(matrix)[..rows * columns].to_vec(), [rows, columns])
}

/// Exports prompts to an adapter: of type `MULTITASK_PROMPT_TUNING` for the `low_rank` composition
/// and for prompts of the decoder, of type `PROMPT_TUNING` for other plain prompts of one task.
///
/// # Errors
///
/// - [`FormatError::DecoderLength`] for another number of vectors for the decoder than for the
///   encoder.
/// - [`FormatError::NotRepresentable`] for several tasks with another composition.
pub(crate) fn files(prompts: &Prompts, folder: &Path) -> Result<PromptFiles> {
    let header = prompts.header();
    let tensors = prompts.tensors();
    let tasks = header.tasks.len();
    let (kind, weights) = match &header.composition {
        CompositionConfig::LowRank(LowRankConfig { rank }) => {
            let all =
                |name| stack((0..tasks).map(|task| &tensors[&format!("tasks.{task}.{name}")]));
            let shared = tensors["shared"].clone();
            let weights = vec![(SHARED, shared), (LEFT, all("left")), (RIGHT, all("right"))];
            (AdapterKind::Multitask { tasks, rank: *rank }, weights)
        }
        CompositionConfig::Separate(_) if tasks == 1 && header.decoder_length > 0 => {
            // PEFT doesn't use the decoder's vectors of a `PROMPT_TUNING` adapter.
            let ones =
                |shape: [usize; 3]| TensorData::new(vec![1.0_f32; shape.iter().product()], shape);
            let (left, right) =
                (ones([1, header.shared_length(), 1]), ones([1, 1, header.d_model]));
            let weights = vec![(SHARED, tensors["tasks.0"].clone()), (LEFT, left), (RIGHT, right)];
            (AdapterKind::Multitask { tasks, rank: 1 }, weights)
        }
        CompositionConfig::Separate(_) if tasks == 1 => {
            (AdapterKind::Plain, vec![(SHARED, tensors["tasks.0"].clone())])
        }
        _ => {
            return Err(header.not_representable(
                "to an adapter of type `MULTITASK_PROMPT_TUNING`, which multiplies a shared prompt \
                 by low-rank factors",
            ));
        }
    };
    let PromptHeader { length, decoder_length, d_model, .. } = *header;
    if decoder_length != 0 && decoder_length != length {
        return Err(FormatError::DecoderLength { length, decoder_length }.into());
    }
    let mut described = header.clone();
    if let AdapterKind::Multitask { rank, .. } = kind {
        described.composition = CompositionConfig::LowRank(LowRankConfig { rank });
    }
    let config = AdapterConfig {
        kind,
        length,
        d_model: Some(d_model),
        submodules: Some(if decoder_length > 0 { 2 } else { 1 }),
        model: header.model.clone(),
        modules_to_save: Vec::new(),
    };
    Ok(PromptFiles::new(vec![
        AdapterWeights::file(folder, &weights)?,
        sidecar::file(folder, &described)?,
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
