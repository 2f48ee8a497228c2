use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::TensorData;
use mtpt_core::{load_parameters, named_parameters};
use mtpt_io::{NamedTensors, TensorError, check_finite};

use crate::error::{Error, Result};

/// Key of the header in the metadata of a prompt file.
const HEADER: &str = "mtpt";

/// The parameters of a module in a file, with a header that describes them.
///
/// A prompt file is a safetensors file of 32-bit floats under the names of the parameters
/// (`shared`, `tasks.0.left`, ...). Its metadata has one entry, `mtpt`, whose meaning is up to the
/// writer. Equal contents give equal bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptFile {
    path: PathBuf,
    header: String,
    tensors: BTreeMap<String, TensorData>,
}

impl PromptFile {
    /// Creates a file of a module's parameters.
    pub fn from_module<M: Module>(module: &M, header: String) -> Self {
        Self::from_tensors(named_parameters(module), header)
    }

    /// Creates a file of tensors by the names of their parameters.
    pub fn from_tensors(tensors: BTreeMap<String, TensorData>, header: String) -> Self {
        Self { path: PathBuf::new(), header, tensors }
    }

    /// Reads a prompt file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is malformed, is not a prompt file
    /// ([`Error::NotAPromptFile`]), or has elements other than 32-bit floats.
    pub fn read(path: &Path) -> Result<Self> {
        let NamedTensors { mut metadata, tensors } = NamedTensors::read(path)?;
        let header = metadata
            .remove(HEADER)
            .ok_or_else(|| Error::NotAPromptFile { path: path.to_owned(), expected: HEADER })?;
        Ok(Self { path: path.to_owned(), header, tensors })
    }

    /// Writes the file atomically.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(self.named_tensors().write(path)?)
    }

    /// Returns the bytes of the file. `path` is used in error messages only.
    ///
    /// # Errors
    ///
    /// When the names of the tensors exceed the format's limit.
    ///
    /// # Panics
    ///
    /// When the elements of a tensor are not 32-bit floats.
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>> {
        Ok(self.named_tensors().to_bytes(path)?)
    }

    fn named_tensors(&self) -> NamedTensors {
        NamedTensors {
            metadata: BTreeMap::from([(HEADER.to_owned(), self.header.clone())]),
            tensors: self.tensors.clone(),
        }
    }

    /// Rejects values that are infinite or NaN.
    ///
    /// # Errors
    ///
    /// [`TensorError::NotFinite`] for the first of them.
    pub fn check_finite(&self) -> Result<(), TensorError> {
        let mut tensors = self.tensors.iter();
        tensors.try_for_each(|(name, data)| check_finite(data, &self.path, Some(name)))
    }

    /// Returns the header.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// Returns the tensors by the names of their parameters.
    pub fn tensors(&self) -> &BTreeMap<String, TensorData> {
        &self.tensors
    }

    /// Loads the tensors into a module of the same structure, bit for bit.
    ///
    /// # Errors
    ///
    /// [`Error::PromptParameters`] when they do not match the module's parameters.
    pub fn apply<M: Module>(&self, module: M) -> Result<M> {
        load_parameters(module, self.tensors.clone())
            .map_err(|source| Error::PromptParameters { path: self.path.clone(), source })
    }
}
