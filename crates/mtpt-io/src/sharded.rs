//! Checkpoints in several files, listed by an index `*.index.json`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use serde_json::Value;

use crate::content::ForeignContent;
use crate::error::{Result, TensorError, listed};
use crate::fs;
use crate::source::TensorSource;

/// Returns the file of each tensor that an index lists.
fn weight_map(index: &Path) -> Result<BTreeMap<String, String>> {
    let unusable = |problem: String| TensorError::Index { path: index.to_owned(), problem };
    let text = fs::read(index)?;
    let value: Value = serde_json::from_slice(&text).map_err(|error| {
        unusable(match ForeignContent::instead_of_object(&text) {
            Some(content) => content.to_string(),
            None => format!("expected JSON, found a mistake in line {}", error.line()),
        })
    })?;
    let expected = "expected an object `weight_map` of tensors and their files";
    let Some(Value::Object(map)) = value.get("weight_map") else {
        return Err(unusable(format!("{expected}, found none")));
    };
    if map.is_empty() {
        return Err(unusable(format!("{expected}, found an empty one")));
    }
    map.iter()
        .map(|(tensor, file)| match file.as_str() {
            Some(file) if fs::stays_below(file) && !file.contains('/') => {
                Ok((tensor.clone(), file.to_owned()))
            }
            _ => Err(unusable(format!(
                "expected the name of a file next to it for the tensor `{tensor}`, found {file}"
            ))),
        })
        .collect()
}

/// Returns the names of the files that an index lists, without duplicates and in order.
///
/// # Errors
///
/// When the index cannot be read or is malformed ([`TensorError::Index`]).
pub fn shard_names(index: &Path) -> Result<Vec<String>> {
    Ok(file_names(&weight_map(index)?))
}

fn file_names(weight_map: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = weight_map.values().collect();
    names.into_iter().cloned().collect()
}

/// The tensors of several files.
pub struct ShardedFiles {
    index: PathBuf,
    shards: Vec<Box<dyn TensorSource>>,
    /// Position of the file of each tensor.
    tensors: BTreeMap<String, usize>,
}

impl ShardedFiles {
    /// Opens the files that an index lists, with `open`.
    ///
    /// A file may have tensors that the index doesn't list.
    ///
    /// # Errors
    ///
    /// When the index cannot be read, and [`TensorError::Index`] when it is malformed, files are
    /// missing, a tensor is not in its file, or two files have different values for one tensor.
    pub fn open(
        index: &Path,
        open: impl Fn(&Path) -> Result<Box<dyn TensorSource>>,
    ) -> Result<Self> {
        let unusable = |problem: String| TensorError::Index { path: index.to_owned(), problem };
        let map = weight_map(index)?;
        let names = file_names(&map);
        // Listed once: an index may have a million names.
        let folder = index.parent().filter(|folder| !folder.as_os_str().is_empty());
        let found: HashSet<OsString> = fs::read_dir(folder.unwrap_or(Path::new(".")))?
            .iter()
            .filter_map(|path| path.file_name().map(OsStr::to_owned))
            .collect();
        let is_missing = |name: &&String| {
            !found.contains(OsStr::new(name)) || !index.with_file_name(name).is_file()
        };
        let missing: Vec<String> = names.iter().filter(is_missing).cloned().collect();
        if !missing.is_empty() {
            return Err(unusable(format!(
                "{} of the {} files it lists are missing: {}; download or copy them next to it",
                missing.len(),
                names.len(),
                listed(&missing)
            )));
        }
        let shards: Vec<_> =
            names.iter().map(|name| open(&index.with_file_name(name))).collect::<Result<_>>()?;
        let mut tensors: BTreeMap<String, usize> = BTreeMap::new();
        for (position, shard) in shards.iter().enumerate() {
            for tensor in shard.names() {
                let Some(first) = tensors.insert(tensor.to_owned(), position) else { continue };
                if shards[first].shape(tensor) != shard.shape(tensor)
                    || shards[first].read(tensor)? != shard.read(tensor)?
                {
                    return Err(unusable(format!(
                        "the files `{}` and `{}` have different values of the tensor `{tensor}`",
                        names[first], names[position]
                    )));
                }
            }
        }
        let absent: Vec<String> = map
            .iter()
            .filter(|(tensor, file)| {
                // The names are sorted.
                names.binary_search(file).map_or(true, |shard| !shards[shard].contains(tensor))
            })
            .map(|(tensor, file)| format!("{tensor}` in `{file}"))
            .collect();
        if !absent.is_empty() {
            return Err(unusable(format!(
                "{} of its tensors are not in their files: {}; download or copy all files again",
                absent.len(),
                listed(&absent)
            )));
        }
        Ok(Self { index: index.to_owned(), shards, tensors })
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
