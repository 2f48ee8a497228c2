use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use rmp_serde::MSGPACK_EXT_STRUCT_NAME;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::checkpoint::CHECKPOINT_FILE;
use super::msgpack::NUMPY_ARRAY;
use super::{Array, Error, Result};
use crate::fs::{IoError, write_dir_atomic};

/// The name under which prompt-tuning looks for a prompt of the encoder.
pub const PROMPT_NAME: &str = "target.encoder.prompt.prompt.prompt";

/// The name of the prompt that all tasks share, in a multi-task prompt of the encoder.
pub const SHARED_PROMPT_NAME: &str = "target.encoder.prompt.prompt.shared_prompt";

/// The name of the parts of all tasks, in a multi-task prompt of the encoder.
pub const TASK_PROMPTS_NAME: &str = "target.encoder.prompt.prompt.task_prompts.embedding";

/// The version of the format that T5X has written since June 2021.
const VERSION: i32 = 3;

/// Writes arrays as the checkpoint of one step, all in the msgpack file, as `flax.serialization.to_bytes` does it.
///
/// For a prompt in the form of prompt-tuning, `arrays` holds one of shape `[length, d_model]` under [`PROMPT_NAME`].
/// The optimizer's state is empty but for the step.
///
/// The folder appears whole or not at all.
///
/// # Errors
///
/// [`Error::FolderExists`] rather than writing over anything, [`Error::Name`] for a name that does not start with
/// `target.` or is part of another, [`Error::Form`] where numbers do not fill their shape, and [`Error::Io`].
pub fn write(folder: &Path, arrays: &BTreeMap<String, Array>, step: i32) -> Result<()> {
    let bytes = checkpoint_bytes(folder, arrays, step)?;
    if folder.exists() {
        return Err(Error::FolderExists { folder: folder.to_owned() });
    }
    write_dir_atomic(folder, |files| Ok(files.write(CHECKPOINT_FILE, &bytes)?))
}

/// The content of [`CHECKPOINT_FILE`], as [`write()`] writes it; the folder is for messages.
///
/// # Errors
///
/// [`Error::Name`] and [`Error::Form`], as [`write()`].
pub fn checkpoint_bytes(
    folder: &Path,
    arrays: &BTreeMap<String, Array>,
    step: i32,
) -> Result<Vec<u8>> {
    let mut target = Tree::default();
    for (name, array) in arrays {
        if array.values.len() != array.shape.iter().product::<usize>() {
            return Err(Error::Form {
                path: folder.to_owned(),
                array: name.clone(),
                expected: "numbers that fill the shape",
                found: format!("{} numbers for shape {:?}", array.values.len(), array.shape),
            });
        }
        let bytes: Vec<u8> = array.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let array = NumpyArray { shape: array.shape.clone(), dtype: "float32", bytes };
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

/// What flax writes.
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
    /// Puts an array at a dotted path, unless something is there or a part of the path is an array itself.
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

/// An array as flax's extension of msgpack has it.
struct NumpyArray {
    shape: Vec<usize>,
    dtype: &'static str,
    /// Little-endian numbers.
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

/// Bytes, which serde takes for a list of numbers otherwise.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
