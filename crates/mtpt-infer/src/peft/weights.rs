use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use mtpt_io::{PytorchFile, SafetensorsFile, TensorSource, check_finite, safetensors};

use crate::error::Result;
use crate::format_error::FormatError;

const SAFETENSORS: &str = "adapter_model.safetensors";
const PICKLE: &str = "adapter_model.bin";

/// The tensors of an adapter, each of which is taken once.
pub(crate) struct AdapterWeights {
    source: Box<dyn TensorSource>,
    /// Names of the tensors that were not taken.
    left: BTreeSet<String>,
}

impl AdapterWeights {
    /// Opens the weights of a folder: `adapter_model.safetensors`, or else `adapter_model.bin`.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let [path, pickle] = [SAFETENSORS, PICKLE].map(|name| folder.join(name));
        let source: Box<dyn TensorSource> = if !path.is_file() && pickle.is_file() {
            Box::new(PytorchFile::open_dictionary(&pickle)?)
        } else {
            Box::new(SafetensorsFile::open(&path)?)
        };
        let left = source.names().map(str::to_owned).collect();
        Ok(Self { source, left })
    }

    /// Returns the names of the tensors that were not taken.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.left.iter().map(String::as_str)
    }

    /// Reads a tensor of an expected shape, whose values must be finite.
    pub(crate) fn take(&mut self, name: &str, expected: &[usize]) -> Result<TensorData> {
        let data = self.source.read_shaped(name, expected)?;
        self.left.remove(name);
        check_finite(&data, self.source.path(), Some(name))?;
        Ok(data)
    }

    /// Checks that all tensors were taken.
    pub(crate) fn finish(self) -> Result<()> {
        if self.left.is_empty() {
            return Ok(());
        }
        let left: Vec<String> = self.names().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "expected only parameters of a prompt, found {}; other adapters are not supported",
            left.join(", ")
        );
        Err(FormatError::malformed(self.source.path(), message).into())
    }

    /// Returns the path and the bytes of the file for given tensors.
    pub(crate) fn file(
        folder: &Path,
        tensors: &[(&str, TensorData)],
    ) -> Result<(PathBuf, Vec<u8>)> {
        let path = folder.join(SAFETENSORS);
        let tensors = tensors.iter().map(|(name, data)| (*name, data));
        // PEFT writes this as well. Loaders of transformers require it.
        let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        let bytes = safetensors::to_bytes(tensors, &metadata, &path)?;
        Ok((path, bytes))
    }
}
