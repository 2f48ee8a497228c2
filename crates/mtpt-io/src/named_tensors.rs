use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::TensorData;

use crate::error::{Result, TensorError};
use crate::fs::write_atomic;
use crate::safetensors::{SafetensorsFile, to_bytes};
use crate::source::TensorSource;

/// Named tensors of 32-bit floats with metadata: the contents of a safetensors file.
///
/// Equal contents give equal bytes if there is at most one entry of metadata.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedTensors {
    /// The text entries of the file's metadata.
    pub metadata: BTreeMap<String, String>,
    /// The tensors by name.
    pub tensors: BTreeMap<String, TensorData>,
}

impl NamedTensors {
    /// Reads a safetensors file of 32-bit floats, which may be infinite or NaN.
    ///
    /// # Errors
    ///
    /// As [`SafetensorsFile::open`], and [`TensorError::Dtype`] for a tensor of another type.
    pub fn read(path: &Path) -> Result<Self> {
        let file = SafetensorsFile::open(path)?;
        let tensors = file
            .names()
            .map(|name| match file.dtype(name) {
                Some(found) if found != "F32" => Err(TensorError::Dtype {
                    path: path.to_owned(),
                    tensor: Some(name.to_owned()),
                    expected: "elements of type `F32`",
                    found: format!("`{found}`"),
                }),
                _ => Ok((name.to_owned(), file.read_unchecked(name)?.0)),
            })
            .collect::<Result<_>>()?;
        Ok(Self { metadata: file.metadata().clone(), tensors })
    }

    /// Writes a safetensors file atomically.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, and as [`to_bytes`](Self::to_bytes).
    ///
    /// # Panics
    ///
    /// As [`to_bytes`](Self::to_bytes).
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(write_atomic(path, &self.to_bytes(path)?)?)
    }

    /// Returns the bytes of the file. The path is for messages.
    ///
    /// # Errors
    ///
    /// [`TensorError::Safetensors`] if the header exceeds the format's limit.
    ///
    /// # Panics
    ///
    /// When a tensor has elements of another type than 32- or 16-bit floats.
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>> {
        let tensors = self.tensors.iter().map(|(name, data)| (name.as_str(), data));
        to_bytes(tensors, &self.metadata, path)
    }
}
