use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use mtpt_io::{PytorchFile, SafetensorsFile, TensorSource, check_finite, safetensors};

use crate::error::Result;
use crate::format_error::FormatError;

pub(crate) const SAFETENSORS: &str = "adapter_model.safetensors";
pub(crate) const PICKLE: &str = "adapter_model.bin";

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
        } else if path.is_file() {
            Box::new(SafetensorsFile::open(&path)?)
        } else {
            return Err(FormatError::NoAdapterWeights { path: folder.to_owned() }.into());
        };
        let left = source.names().map(str::to_owned).collect();
        Ok(Self { source, left })
    }

    /// Returns the file.
    pub(crate) fn path(&self) -> &Path {
        self.source.path()
    }

    /// Returns the names of the tensors that were not taken.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.left.iter().map(String::as_str)
    }

    /// Returns the shape of a tensor.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.source.shape(name)
    }

    /// Rejects tensors that have no values, and names with a prefix, which PEFT doesn't read
    /// either.
    pub(crate) fn check_names(&self, expected: &[&str]) -> Result<(), FormatError> {
        let is_empty = |name: &&str| self.shape(name).is_some_and(|shape| shape.contains(&0));
        if let Some(tensor) = self.names().find(is_empty) {
            let (path, tensor) = (self.path().to_owned(), tensor.to_owned());
            return Err(FormatError::EmptyTensor { path, tensor });
        }
        for &expected in expected {
            if self.shape(expected).is_none()
                && let Some(found) = self.names().find(|name| is_renamed(name, expected))
            {
                return Err(FormatError::RenamedTensor {
                    path: self.path().to_owned(),
                    expected: expected.to_owned(),
                    found: found.to_owned(),
                });
            }
        }
        Ok(())
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

/// Returns whether a tensor is an expected one with a prefix, or under the name that it has in
/// PEFT's modules, such as `base_model.model.prompt_embeddings` or
/// `prompt_encoder.default.embedding.weight`.
fn is_renamed(name: &str, expected: &str) -> bool {
    let last = |end: &str| name.strip_suffix(end).is_some_and(|start| start.ends_with('.'));
    last(expected)
        || expected == "prompt_embeddings"
            && name.contains("prompt_encoder.")
            && last("embedding.weight")
}
