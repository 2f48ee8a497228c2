//! Checkpoints in several files, listed by an index `*.index.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use serde::Deserialize;

use crate::error::{Result, TensorError};
use crate::fs;
use crate::source::TensorSource;

/// An index file.
#[derive(Deserialize)]
struct Index {
    /// The file of each tensor.
    weight_map: BTreeMap<String, String>,
}

/// Returns the names of the files that an index lists, without duplicates and in order.
///
/// # Errors
///
/// When the index cannot be read or is malformed ([`TensorError::Json`]).
pub fn shard_names(index: &Path) -> Result<Vec<String>> {
    let Index { weight_map } = serde_json::from_slice(&fs::read(index)?)
        .map_err(|source| TensorError::Json { path: index.to_owned(), source })?;
    let mut files: Vec<_> = weight_map.into_values().collect();
    files.sort_unstable();
    files.dedup();
    Ok(files)
}

/// The tensors of several files.
pub struct ShardedFiles {
    index: PathBuf,
    shards: Vec<Box<dyn TensorSource>>,
    /// Position of the file of each tensor.
    tensors: BTreeMap<String, usize>,
}

impl ShardedFiles {
    /// Joins the files that an index lists.
    pub fn new(index: &Path, shards: Vec<Box<dyn TensorSource>>) -> Self {
        let mut tensors = BTreeMap::new();
        for (position, shard) in shards.iter().enumerate() {
            tensors.extend(shard.names().map(|name| (name.to_owned(), position)));
        }
        Self { index: index.to_owned(), shards, tensors }
    }

    fn shard(&self, name: &str) -> Option<&dyn TensorSource> {
        self.tensors.get(name).map(|&position| &*self.shards[position])
    }
}

impl TensorSource for ShardedFiles {
    fn path(&self) -> &Path {
        &self.index
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.tensors.keys().map(String::as_str))
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.shard(name)?.shape(name)
    }

    fn dtype(&self, name: &str) -> Option<String> {
        self.shard(name)?.dtype(name)
    }

    fn read(&self, name: &str) -> Result<TensorData> {
        self.shard(name).ok_or_else(|| self.missing(name, None))?.read(name)
    }

    fn file(&self, name: &str) -> &Path {
        self.shard(name).map_or(&self.index, |shard| shard.file(name))
    }
}
