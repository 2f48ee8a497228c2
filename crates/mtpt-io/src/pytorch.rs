//! Files that `torch.save` wrote.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use pytorch_reader::{DType as StoredDtype, PickleValue, PytorchError, PytorchReader, Tensor};

use crate::dtype::Dtype;
use crate::error::{Result, TensorError};
use crate::fs::IoError;
use crate::source::TensorSource;

/// The tensors of a file that `torch.save` wrote.
pub struct PytorchFile {
    path: PathBuf,
    tensors: BTreeMap<String, Tensor>,
}

impl PytorchFile {
    /// Opens a file and reads its structure. Entries that are not tensors are skipped.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is malformed ([`TensorError::Pytorch`]).
    pub fn open(path: &Path) -> Result<Self> {
        let reader = PytorchReader::new(path).map_err(|error| failed(path, error))?;
        let tensors = reader.into_tensors().into_iter().collect();
        Ok(Self { path: path.to_owned(), tensors })
    }

    /// Opens a file that is a dictionary of tensors and has nothing else in it.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`TensorError::Pickle`] for another object or other entries.
    pub fn open_dictionary(path: &Path) -> Result<Self> {
        let file = Self::open(path)?;
        let refused = |found| TensorError::Pickle { path: path.to_owned(), found };
        let values = PytorchReader::read_pickle_data(path, None);
        let PickleValue::Dict(values) = values.map_err(|error| failed(path, error))? else {
            return Err(refused("another object".to_owned()));
        };
        let mut others: Vec<String> = values
            .into_keys()
            .filter(|key| !file.tensors.contains_key(key))
            .map(|key| format!("`{key}`"))
            .collect();
        others.sort_unstable();
        if others.is_empty() { Ok(file) } else { Err(refused(others.join(", "))) }
    }
}

impl TensorSource for PytorchFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.tensors.keys().map(String::as_str))
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(Tensor::shape)
    }

    fn dtype(&self, name: &str) -> Option<String> {
        self.tensors.get(name).map(|tensor| format!("{:?}", tensor.dtype()))
    }

    fn read(&self, name: &str) -> Result<TensorData> {
        let tensor = self.tensors.get(name).ok_or_else(|| self.missing(name, None))?;
        let dtype = match tensor.dtype() {
            StoredDtype::F64 => Dtype::F64,
            StoredDtype::F32 => Dtype::F32,
            StoredDtype::F16 => Dtype::F16,
            StoredDtype::BF16 => Dtype::Bf16,
            other => return Err(TensorError::not_float(&self.path, name, format!("{other:?}"))),
        };
        let bytes = tensor.read().map_err(IoError::with("read", &self.path))?;
        Ok(TensorData::new(dtype.widen_native(bytes), tensor.shape().to_vec()))
    }
}

impl fmt::Debug for PytorchFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PytorchFile")
            .field("path", &self.path)
            .field("tensors", &self.tensors.keys())
            .finish()
    }
}

fn failed(path: &Path, error: PytorchError) -> TensorError {
    match error {
        PytorchError::Io(source) => IoError::new("read", path, source).into(),
        source => TensorError::Pytorch { path: path.to_owned(), source: Box::new(source) },
    }
}
