//! The weight files of a folder in the layout of transformers.

use std::path::Path;

use mtpt_io::TensorSource;

use crate::error::{Result, WeightsError};

/// Names of weight files. The first that exists is used.
const WEIGHT_FILES: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

const EXPECTED_FILES: &str = "`model.safetensors`, `model.safetensors.index.json`, `pytorch_model.bin`, \
                              `pytorch_model.bin.index.json`";

/// Opens the weights of a folder.
pub(crate) fn open_weights(folder: &Path) -> Result<Box<dyn TensorSource>> {
    let path = WEIGHT_FILES.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    let path = path.ok_or_else(|| WeightsError::MissingFile {
        folder: folder.to_owned(),
        expected: EXPECTED_FILES,
    })?;
    Ok(mtpt_io::open(&path)?)
}

/// Returns whether a folder has weights in the layout of transformers.
pub(crate) fn has_weights(folder: &Path) -> bool {
    WEIGHT_FILES.iter().any(|name| folder.join(name).is_file())
}

/// Returns the weight file to use among the files of a folder.
#[cfg(feature = "hub")]
pub(crate) fn weight_file(files: &[String]) -> Option<&'static str> {
    WEIGHT_FILES.into_iter().find(|name| files.iter().any(|file| file == name))
}
