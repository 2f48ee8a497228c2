//! Loading a model from a transformers folder, a T5X checkpoint or the hub.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_core::{WeightFormat, is_cpu};

use crate::config::T5Config;
use crate::error::{Result, WeightsError};
use crate::model::t5::T5;
use crate::weights::config_fields::read_config_file;
use crate::weights::file_names::CONFIG_FILE;
use crate::weights::generation_config::GenerationDefaults;
use crate::weights::source::build;
use crate::weights::transformers::TransformersWeights;
use crate::weights::weight_files::{check_adapter, has_weights};

impl T5 {
    /// Loads a model in f32, regardless of the precision of its files.
    ///
    /// The folder contains `config.json` and one of `model.safetensors`,
    /// `model.safetensors.index.json`, `pytorch_model.bin` and `pytorch_model.bin.index.json`. If
    /// it has none of them, the only other file with the extension of weights is used. The model
    /// may be nested in the file, and its names may have a prefix.
    ///
    /// With the feature `t5x` it may also be one step of a T5X checkpoint: the file `checkpoint`
    /// and the array folders next to it. `config.json` is then optional. Most of the configuration
    /// is inferred from the arrays; the file must agree with them, and sets the rest.
    ///
    /// With the feature `hub` the path may also be a hub id; see [`locate`].
    ///
    /// On an autodiff device the model is trainable and applies dropout. On a plain device it is
    /// frozen: it has no gradients and no dropout, but gradients flow through it.
    ///
    /// # Errors
    ///
    /// Names the file and, for a tensor, its name with the expected and the found value.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        Self::load_as(path, WeightFormat::F32, device)
    }

    /// Loads a model like [`load`](Self::load), in the given format.
    ///
    /// Weights are converted one by one, so that the peak of memory is that of the format and the
    /// largest tensor.
    ///
    /// # Errors
    ///
    /// See [`load`](Self::load); also [`WeightsError::Int8Device`] for int8 on a device other than
    /// the CPU, and [`WeightsError::Int8Training`] on an autodiff device.
    pub fn load_as(path: &Path, format: WeightFormat, device: &Device) -> Result<Self> {
        if format == WeightFormat::Int8 {
            if !is_cpu(device) {
                return Err(WeightsError::Int8Device { device: format!("{device:?}") }.into());
            }
            if device.is_autodiff() {
                return Err(WeightsError::Int8Training.into());
            }
        }
        let folder = locate(path)?;
        #[cfg(feature = "t5x")]
        if is_t5x(&folder) {
            let weights = crate::weights::t5x::source::T5xWeights::open(&folder)?;
            let config = weights.config().clone();
            return with_generation(build(&config, weights, format, device)?, &folder);
        }
        #[cfg(not(feature = "t5x"))]
        if is_t5x(&folder) {
            return Err(WeightsError::T5xFeature { folder }.into());
        }
        let mut config = read_config(&folder)?;
        let weights = TransformersWeights::open(&folder, &mut config)?;
        with_generation(build(&config, weights, format, device)?, &folder)
    }
}

/// Adds the generation settings of the model's files.
fn with_generation(mut model: T5, folder: &Path) -> Result<T5> {
    model.generation = GenerationDefaults::read(folder, &model.config)?;
    Ok(model)
}

/// Returns whether a folder without transformers weights has, or probably has, T5X weights.
fn is_t5x(folder: &Path) -> bool {
    if has_weights(folder) {
        return false;
    }
    #[cfg(feature = "t5x")]
    {
        // For a folder of several steps, opening it fails with an error that names one of them.
        use mtpt_io::TensorError::T5x;
        use mtpt_io::t5x::{Checkpoint, Error::NotACheckpoint};
        Checkpoint::is_at(folder)
            || matches!(Checkpoint::open(folder), Err(T5x(NotACheckpoint { step: Some(_), .. })))
    }
    #[cfg(not(feature = "t5x"))]
    {
        folder.join("checkpoint").is_file()
    }
}

/// Reads the configuration of a transformers folder, or infers it from a T5X checkpoint.
///
/// # Errors
///
/// [`WeightsError::MissingFile`], [`Error::Io`](crate::Error::Io) or
/// [`ConfigError`](crate::ConfigError), naming the file. For a T5X checkpoint, the errors of
/// [`T5::load`] about the arrays' shapes.
pub fn read_config(folder: &Path) -> Result<T5Config> {
    #[cfg(feature = "t5x")]
    if is_t5x(folder) {
        return Ok(crate::weights::t5x::source::T5xWeights::open(folder)?.config().clone());
    }
    let path = folder.join(CONFIG_FILE);
    if !path.is_file() {
        check_adapter(folder)?;
        let folder = folder.to_owned();
        return Err(WeightsError::MissingFile { folder, expected: "`config.json`" }.into());
    }
    read_config_file(&path)
}

/// Returns the folder of a model.
///
/// With the feature `hub`, a model that is not a folder is a hub id, `owner/name`. Its files are
/// downloaded unless they are in the cache.
///
/// # Errors
///
/// [`WeightsError::ModelNotFound`] if there is no such folder. With the feature `hub`,
/// `WeightsError::Hub` if the download fails.
pub fn locate(model: &Path) -> Result<PathBuf> {
    if model.is_dir() {
        return Ok(model.to_owned());
    }
    #[cfg(feature = "hub")]
    {
        crate::weights::hub::download(model)
    }
    #[cfg(not(feature = "hub"))]
    {
        Err(WeightsError::ModelNotFound { model: model.display().to_string() }.into())
    }
}
