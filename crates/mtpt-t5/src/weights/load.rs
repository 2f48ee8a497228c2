//! A model from a folder, in the form of transformers or of T5X.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use rayon::prelude::*;

use crate::config::T5Config;
use crate::error::{Error, Result};
use crate::model::t5::T5;
use crate::weights::checkpoint::{Checkpoint, has_weights};
use crate::weights::hf_config::HuggingFaceConfig;
use crate::weights::names::{HEAD, IGNORED, Layout, SHARED, SHARED_COPIES, checkpoint_key};

/// Name of the configuration in a folder.
pub(crate) const CONFIG_FILE: &str = "config.json";

impl T5 {
    /// Loads a model in single precision, whatever the precision of its files.
    ///
    /// The folder holds `config.json` and one of `model.safetensors`, `model.safetensors.index.json`,
    /// `pytorch_model.bin` and `pytorch_model.bin.index.json`.
    /// With the feature `t5x` it may also be a checkpoint of T5X, one step of it: the file `checkpoint` and the folders
    /// of arrays beside it. It needs no `config.json`, since the shapes of its arrays tell the rest; one that is there
    /// must agree with them, and says what they do not.
    /// With the feature `hub` the path may also be an id on the hub; see [`locate`].
    ///
    /// On an autodiff device the model can be trained, dropout included.
    /// On a plain one it is frozen: it has no gradients and drops nothing, though gradients flow through it.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the files is told with the file's name and, for a tensor, with its name, what was
    /// expected and what was found.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        Self::load_as(path, FloatDType::F32, device)
    }

    /// Loads a model as [`load`](Self::load) does, in another precision.
    ///
    /// # Errors
    ///
    /// As of [`load`](Self::load).
    pub fn load_as(path: &Path, dtype: FloatDType, device: &Device) -> Result<Self> {
        let folder = locate(path)?;
        #[cfg(feature = "t5x")]
        if is_t5x(&folder) {
            let weights = crate::weights::t5x::T5xWeights::open(&folder)?;
            let config = weights.config().clone();
            return build(&config, weights, dtype.into(), device);
        }
        #[cfg(not(feature = "t5x"))]
        if is_t5x(&folder) {
            return Err(Error::T5xFeature { folder });
        }
        let mut config = read_config(&folder)?;
        let checkpoint = Checkpoint::open(&folder)?;
        let shared = shared_name(&checkpoint, &config)?;
        config.tie_word_embeddings = is_tied(&checkpoint, &config, shared)?;
        let weights =
            HuggingFaceWeights { checkpoint, shared, gated: config.gated, used: BTreeSet::new() };
        build(&config, weights, dtype.into(), device)
    }
}

/// Where the parameters of a model come from.
pub(crate) trait Weights {
    /// The numbers of the parameter at a path of the modules, row by row, in the shape that it has there.
    fn parameter(&mut self, path: &[String], shape: &[usize]) -> Result<Vec<f32>>;

    /// Refuses what nothing has asked for.
    fn finish(self) -> Result<()>;
}

fn build(
    config: &T5Config,
    mut weights: impl Weights,
    dtype: DType,
    device: &Device,
) -> Result<T5> {
    let mut loader = Loader { weights: &mut weights, dtype, device, path: Vec::new(), error: None };
    let model = config.init(device)?.map(&mut loader);
    if let Some(error) = loader.error {
        return Err(error);
    }
    weights.finish()?;
    Ok(if device.is_autodiff() { model } else { model.freeze() })
}

/// Whether a folder without weights in the form of transformers has, or is likely meant to have, those of T5X.
fn is_t5x(folder: &Path) -> bool {
    if has_weights(folder) {
        return false;
    }
    #[cfg(feature = "t5x")]
    {
        // A folder of several steps is told from others by the error that names one of them.
        use mtpt_io::t5x::{Checkpoint, Error};
        Checkpoint::is_at(folder)
            || matches!(Checkpoint::open(folder), Err(Error::NotACheckpoint { step: Some(_), .. }))
    }
    #[cfg(not(feature = "t5x"))]
    {
        folder.join("checkpoint").is_file()
    }
}

/// Reads the configuration of a folder in the form of transformers, or infers it from the arrays of a checkpoint of T5X.
///
/// # Errors
///
/// [`Error::MissingFile`], [`Error::Io`], [`Error::Json`] or [`Error::ConfigFile`], each naming the file; for a checkpoint
/// of T5X whatever [`T5::load`] says of its arrays' shapes.
pub fn read_config(folder: &Path) -> Result<T5Config> {
    #[cfg(feature = "t5x")]
    if is_t5x(folder) {
        return Ok(crate::weights::t5x::T5xWeights::open(folder)?.config().clone());
    }
    let path = folder.join(CONFIG_FILE);
    if !path.is_file() {
        return Err(Error::MissingFile { folder: folder.to_owned(), expected: "`config.json`" });
    }
    T5Config::try_from(HuggingFaceConfig::read(&path)?)
        .map_err(|source| Error::ConfigFile { path, source: Box::new(source) })
}

/// The folder of a model that is given as a folder or, with the feature `hub`, as an id on the hub, `owner/name`,
/// whose files are then fetched unless they are on disk already.
///
/// # Errors
///
/// [`Error::ModelNotFound`] if there is no such folder, or `Error::Hub` with the feature `hub`.
pub fn locate(model: &Path) -> Result<PathBuf> {
    if model.is_dir() {
        return Ok(model.to_owned());
    }
    #[cfg(feature = "hub")]
    {
        crate::weights::hub::fetch(model)
    }
    #[cfg(not(feature = "hub"))]
    {
        Err(Error::ModelNotFound { model: model.display().to_string() })
    }
}

/// Under which of its names the embedding table is stored. Any of them does, as in transformers.
fn shared_name(checkpoint: &Checkpoint, config: &T5Config) -> Result<&'static str> {
    let names = [SHARED, SHARED_COPIES[0], SHARED_COPIES[1], HEAD];
    let stored = names.into_iter().find(|name| checkpoint.contains(name)).unwrap_or(SHARED);
    let shape = [config.vocab_size, config.d_model];
    for copy in SHARED_COPIES {
        if checkpoint.contains(copy)
            && copy != stored
            && checkpoint.read(copy, &shape)? != checkpoint.read(stored, &shape)?
        {
            return Err(Error::TablesDiffer {
                path: checkpoint.path().to_owned(),
                first: stored.to_owned(),
                second: copy.to_owned(),
            });
        }
    }
    Ok(stored)
}

/// Whether the head is the embedding table. As in transformers 5 the tensors decide, and not the configuration: a
/// head that is absent or repeats the table is the table.
fn is_tied(checkpoint: &Checkpoint, config: &T5Config, shared: &str) -> Result<bool> {
    if !checkpoint.contains(HEAD) || shared == HEAD {
        return Ok(true);
    }
    let shape = [config.vocab_size, config.d_model];
    Ok(checkpoint.read(HEAD, &shape)? == checkpoint.read(shared, &shape)?)
}

/// Tensors that may be there without a parameter of their own.
fn is_known_extra(name: &str) -> bool {
    name == SHARED || name == HEAD || name == IGNORED || SHARED_COPIES.contains(&name)
}

/// Weights in the form of transformers.
struct HuggingFaceWeights {
    checkpoint: Checkpoint,
    shared: &'static str,
    gated: bool,
    used: BTreeSet<String>,
}

impl Weights for HuggingFaceWeights {
    fn parameter(&mut self, path: &[String], shape: &[usize]) -> Result<Vec<f32>> {
        let (mut key, layout) = checkpoint_key(path, self.gated);
        if key == SHARED {
            key = self.shared.to_owned();
        }
        let mut stored_shape = shape.to_vec();
        if layout == Layout::Transposed {
            stored_shape.reverse();
        }
        let mut numbers = self.checkpoint.read(&key, &stored_shape)?;
        if layout == Layout::Transposed {
            numbers = transposed(&numbers, stored_shape[0], stored_shape[1]);
        }
        self.used.insert(key);
        Ok(numbers)
    }

    fn finish(self) -> Result<()> {
        let unused: Vec<String> = self
            .checkpoint
            .names()
            .filter(|name| !self.used.contains(*name) && !is_known_extra(name))
            .map(str::to_owned)
            .collect();
        if unused.is_empty() {
            Ok(())
        } else {
            Err(Error::UnusedTensors { path: self.checkpoint.path().to_owned(), tensors: unused })
        }
    }
}

/// Replaces every parameter by the checkpoint's, stopping at the first that fails.
struct Loader<'a, W> {
    weights: &'a mut W,
    dtype: DType,
    device: &'a Device,
    path: Vec<String>,
    error: Option<Error>,
}

impl<W: Weights> ModuleMapper for Loader<'_, W> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.error.is_some() {
            return param;
        }
        // The shape is asked for without drawing the random numbers that the parameter would start with.
        let shape = param.lazy_shape().to_vec();
        match self.weights.parameter(&self.path, &shape) {
            Ok(numbers) => {
                let data = TensorData::new(numbers, shape);
                Param::from_tensor(Tensor::from_data(data, (self.device, self.dtype)))
            }
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}

/// A matrix of `rows` rows turned around.
pub(crate) fn transposed(numbers: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    // In tiles, so that each line of memory is gone through at once, on both sides.
    const TILE: usize = 16;
    let mut turned = vec![0.0; numbers.len()];
    let lines = turned.par_chunks_mut((TILE * rows).max(1)).enumerate();
    lines.for_each(|(number, turned)| {
        let first_column = number * TILE;
        let width = turned.len() / rows;
        for first_row in (0..rows).step_by(TILE) {
            let height = TILE.min(rows - first_row);
            let mut tile = [[0.0; TILE]; TILE];
            for (row, line) in tile.iter_mut().enumerate().take(height) {
                let begin = (first_row + row) * columns + first_column;
                line[..width].copy_from_slice(&numbers[begin..][..width]);
            }
            for (column, turned) in turned.chunks_exact_mut(rows).enumerate() {
                let turned = &mut turned[first_row..][..height];
                for (number, line) in turned.iter_mut().zip(&tile) {
                    *number = line[column];
                }
            }
        }
    });
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_moves_every_number() {
        let (rows, columns) = (37, 70);
        let numbers: Vec<f32> = (0..rows * columns).map(|n| n as f32).collect();
        let turned = transposed(&numbers, rows, columns);
        for row in 0..rows {
            for column in 0..columns {
                assert_eq!(turned[column * rows + row], numbers[row * columns + column]);
            }
        }
        assert_eq!(transposed(&turned, columns, rows), numbers);
    }
}
