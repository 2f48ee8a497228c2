//! Opening devices and loading models.

use std::path::{Path, PathBuf};

use mtpt::burn::tensor::Device;
use mtpt::core::{Frozen, WeightFormat};
use mtpt::t5::{T5, locate, read_config};
use mtpt::{ChosenDevice, ModelTokenizer};

use crate::error::Result;
use crate::stdio::message;

/// Opens a device by name, and reports the faster devices that `auto` couldn't use.
pub(crate) fn open_device(name: &str) -> Result<Device> {
    Ok(choose_device(name)?.device)
}

/// Opens a device as [`open_device`] does, and returns it with its name.
pub(crate) fn choose_device(name: &str) -> Result<ChosenDevice> {
    let chosen = mtpt::choose_device(name)?;
    for error in &chosen.skipped {
        message(&format!("note: {error}"));
    }
    if !chosen.skipped.is_empty() {
        message(&format!("note: using `{}`", chosen.name));
    }
    Ok(chosen)
}

/// A frozen model and its tokenizer.
pub(crate) struct Model {
    pub(crate) t5: Frozen<T5>,
    folder: PathBuf,
    /// `None` if the model folder has no tokenizer. Rows may contain token ids instead of texts.
    tokenizer: Option<ModelTokenizer>,
}

impl Model {
    pub(crate) fn load(model: &Path, weights: WeightFormat, device: &Device) -> Result<Self> {
        let folder = locate(model)?;
        let t5 = T5::load_as(&folder, weights, device)?;
        let tokenizer = match ModelTokenizer::load(&folder, t5.config()) {
            Err(error) if error.is_missing_tokenizer() => None,
            tokenizer => Some(tokenizer?),
        };
        Ok(Self { t5: Frozen::new(t5), folder, tokenizer })
    }

    /// Returns the token for text outside the vocabulary, if there is one.
    pub(crate) fn unknown_token(&self) -> Option<u32> {
        self.tokenizer.as_ref()?.unknown_id()
    }

    /// Returns the folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the tokenizer, or the error that names the missing file.
    pub(crate) fn tokenizer(&self) -> mtpt::t5::Result<ModelTokenizer> {
        match &self.tokenizer {
            Some(tokenizer) => Ok(tokenizer.clone()),
            None => ModelTokenizer::load(&self.folder, self.t5.config()),
        }
    }
}

/// Loads the tokenizer of a model without its weights, and returns it with the model's folder.
pub(crate) fn load_tokenizer(model: &Path) -> Result<(PathBuf, ModelTokenizer)> {
    let folder = locate(model)?;
    let tokenizer = ModelTokenizer::load(&folder, &read_config(&folder)?)?;
    Ok((folder, tokenizer))
}
