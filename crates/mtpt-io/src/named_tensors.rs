use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::tensor::TensorData;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::fs::{self, write_atomic};
use crate::tensor_error::TensorError;

/// Named tensors of 32-bit floats with metadata: the contents of a safetensors file.
///
/// Equal contents give equal bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedTensors {
    /// The text entries of the file's metadata.
    pub metadata: BTreeMap<String, String>,
    /// The tensors by name.
    pub tensors: BTreeMap<String, TensorData>,
}

impl NamedTensors {
    /// Reads a safetensors file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is malformed or truncated ([`TensorError::Safetensors`]), or has a
    /// tensor of another type than 32-bit floats ([`TensorError::Dtype`]).
    pub fn read(path: &Path) -> Result<Self, TensorError> {
        let bytes = fs::read(path)?;
        let malformed = |source| TensorError::Safetensors { path: path.to_owned(), source };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(malformed)?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let mut tensors = BTreeMap::new();
        for (name, view) in SafeTensors::deserialize(&bytes).map_err(malformed)?.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(TensorError::Dtype {
                    path: path.to_owned(),
                    tensor: Some(name),
                    expected: "elements of type `F32`",
                    found: format!("`{:?}`", view.dtype()),
                });
            }
            let (chunks, _) = view.data().as_chunks::<4>();
            let values: Vec<f32> = chunks.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
            tensors.insert(name, TensorData::new(values, view.shape().to_vec()));
        }
        Ok(Self { metadata, tensors })
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
    pub fn write(&self, path: &Path) -> Result<(), TensorError> {
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
    /// When the elements of a tensor are not 32-bit floats.
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, TensorError> {
        let bytes: Vec<(&String, Vec<usize>, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, data)| {
                let values = data.as_slice::<f32>().expect("named tensors are 32-bit floats");
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                (name, data.shape().to_vec(), bytes)
            })
            .collect();
        let views = bytes
            .iter()
            .map(|(name, shape, bytes)| {
                TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
            })
            .collect::<Result<Vec<_>, _>>();
        let metadata: HashMap<_, _> = self.metadata.clone().into_iter().collect();
        views
            .and_then(|views| safetensors::serialize(views, Some(metadata)))
            .map_err(|source| TensorError::Safetensors { path: path.to_owned(), source })
    }
}
