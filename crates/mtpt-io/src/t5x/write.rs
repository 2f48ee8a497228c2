use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use burn::tensor::TensorData;
use rmp_serde::MSGPACK_EXT_STRUCT_NAME;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::checkpoint::CHECKPOINT_FILE;
use super::error::Error;
use super::msgpack::NUMPY_ARRAY;
use crate::error::Result;
use crate::fs::{IoError, write_dir_atomic};
use crate::layout::f32_values;

/// The version of the format that T5X has written since June 2021.
const VERSION: i32 = 3;

/// Writes arrays as the checkpoint of one step, all of them in the msgpack file, as
/// `flax.serialization.to_bytes` does. The optimizer's state is empty except for the step.
///
/// The folder is written atomically.
///
/// # Errors
///
/// [`Error::FolderExists`] if the folder exists, [`Error::Name`] for a name that doesn't start with
/// `target.` or is a prefix of another, and when the folder cannot be written.
///
/// # Panics
///
/// When the elements of an array are not 32-bit floats.
pub fn write(folder: &Path, arrays: &BTreeMap<String, TensorData>, step: i32) -> Result<()> {
    let bytes = checkpoint_bytes(folder, arrays, step)?;
    if folder.exists() {
        return Err(Error::FolderExists { folder: folder.to_owned() }.into());
    }
    write_dir_atomic(folder, |files| Ok(files.write(CHECKPOINT_FILE, &bytes)?))
}

/// Returns the contents of [`CHECKPOINT_FILE`] as [`write()`] writes it. The folder is for
/// messages.
///
/// # Errors
///
/// [`Error::Name`] like [`write()`].
///
/// # Panics
///
/// When the elements of an array are not 32-bit floats.
pub fn checkpoint_bytes(
    folder: &Path,
    arrays: &BTreeMap<String, TensorData>,
    step: i32,
) -> Result<Vec<u8>> {
    let mut target = Tree::default();
    for (name, data) in arrays {
        let bytes = f32_values(data).iter().flat_map(|value| value.to_le_bytes()).collect();
        let array = NumpyArray { shape: data.shape().to_vec(), dtype: "float32", bytes };
        name.strip_prefix("target.")
            .and_then(|path| target.insert(path, array))
            .ok_or_else(|| Error::Name { array: name.clone() })?;
    }
    let step = NumpyArray { shape: Vec::new(), dtype: "int32", bytes: step.to_le_bytes().into() };
    let state = Tree::Branch(vec![
        ("param_states".into(), Tree::default()),
        ("step".into(), Tree::Leaf(step)),
    ]);
    let optimizer = Tree::Branch(vec![("state".into(), state), ("target".into(), target)]);
    let contents = Tree::Branch(vec![
        ("version".into(), Tree::Number(VERSION)),
        ("optimizer".into(), optimizer),
    ]);
    rmp_serde::to_vec(&contents)
        .map_err(|error| IoError::new("write", folder, io::Error::other(error)).into())
}

/// A value that flax writes.
enum Tree {
    Branch(Vec<(String, Self)>),
    Leaf(NumpyArray),
    Number(i32),
}

impl Default for Tree {
    fn default() -> Self {
        Self::Branch(Vec::new())
    }
}

impl Tree {
    /// Inserts an array at a dotted path. Returns `None` if the path is occupied or leads through
    /// an array.
    fn insert(&mut self, path: &str, array: NumpyArray) -> Option<()> {
        let Self::Branch(entries) = self else { return None };
        let (key, rest) = match path.split_once('.') {
            Some((key, rest)) => (key, Some(rest)),
            None => (path, None),
        };
        let position = entries.iter().position(|(name, _)| name == key);
        match (rest, position) {
            _ if key.is_empty() => None,
            (None, None) => {
                entries.push((key.to_owned(), Self::Leaf(array)));
                Some(())
            }
            (None, Some(_)) => None,
            (Some(rest), Some(position)) => entries[position].1.insert(rest, array),
            (Some(rest), None) => {
                let mut branch = Self::default();
                branch.insert(rest, array)?;
                entries.push((key.to_owned(), branch));
                Some(())
            }
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_i32(*number),
            Self::Leaf(array) => array.serialize(serializer),
            Self::Branch(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// An array in flax's msgpack extension.
struct NumpyArray {
    shape: Vec<usize>,
    dtype: &'static str,
    /// Little-endian elements.
    bytes: Vec<u8>,
}

impl Serialize for NumpyArray {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let payload = rmp_serde::to_vec(&(&self.shape, self.dtype, Bytes(&self.bytes)))
            .map_err(serde::ser::Error::custom)?;
        serializer
            .serialize_newtype_struct(MSGPACK_EXT_STRUCT_NAME, &(NUMPY_ARRAY, Bytes(&payload)))
    }
}

/// Bytes, which serde would write as a list of integers otherwise.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
