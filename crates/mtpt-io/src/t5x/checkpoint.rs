use std::collections::BTreeMap;
use std::fmt::{self, Formatter};
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;

use super::error::{EXPECTED_DTYPE, Error};
use super::msgpack::{self, NUMPY_ARRAY, NUMPY_SCALAR, Node, NumpyArray};
use super::zarr::ZarrArray;
use crate::dtype::Dtype;
use crate::error::{Result, TensorError};
use crate::expansion::largest_size;
use crate::finite::check_finite;
use crate::fs::stays_below;
use crate::layout::element_count;
use crate::source::TensorSource;

/// Name of the msgpack file in the folder of a checkpoint.
pub const CHECKPOINT_FILE: &str = "checkpoint";
/// Name of the folder in which Orbax stores it.
const STATE_FOLDER: &str = "state";
/// Start of the text that Orbax stores instead of an array in a folder of its own.
const PLACEHOLDER: &str = "PLACEHOLDER://";
/// Key that marks flax's form of arrays of more than 2^30 bytes.
const CHUNKED: &str = "__msgpack_chunked_array__";
/// Older versions store the bits of bfloat16 as unsigned integers in zarr folders.
const FIRST_WITH_BF16: i64 = 3;

/// Largest total length of the names of branches and arrays, which contain those of all branches
/// above them. Those of T5-XXL have 60 kB.
const MAX_NAMES: usize = 16 << 20;

/// The parameters of a T5X checkpoint.
///
/// Names are dotted like those of the folders: `target.encoder.layers_0.attention.query.kernel`.
pub struct Checkpoint {
    folder: PathBuf,
    /// The msgpack file.
    file: PathBuf,
    arrays: BTreeMap<String, Stored>,
}

/// Where an array is stored.
enum Stored {
    /// In the msgpack file: the payloads of flax's extensions, several if the array is in parts.
    Msgpack { shape: Vec<usize>, dtype: Dtype, parts: Vec<Vec<u8>> },
    /// A plain number in the msgpack file.
    Number(f32),
    /// In a folder of its own.
    Zarr { shape: Vec<usize>, array: Box<ZarrArray> },
}

impl Checkpoint {
    /// Returns whether a folder looks like a T5X checkpoint, or one of Orbax.
    ///
    /// TensorFlow's checkpoints have a text file of the same name: only [`open`](Self::open) can
    /// tell them apart.
    pub fn is_at(folder: &Path) -> bool {
        file_of(folder).is_file()
    }

    /// Opens a checkpoint. Reads the msgpack file, without the optimizer's state, and the
    /// descriptions of all zarr folders that it names.
    ///
    /// # Errors
    ///
    /// When the folder is not a checkpoint, the msgpack file is malformed or truncated, or an array
    /// is neither in it nor in a folder of its own.
    pub fn open(folder: &Path) -> Result<Self> {
        let file = file_of(folder);
        if !file.is_file() {
            let (folder, step) = (folder.to_owned(), newest_step(folder));
            return Err(Error::NotACheckpoint { folder, step }.into());
        }
        let (version, target) = msgpack::read(&file)?;
        // Folders of arrays are next to the msgpack file.
        let parent = file.parent().unwrap_or(folder).to_owned();
        let mut opener = Opener { parent, file, version, ..Opener::default() };
        opener.collect("target", target)?;
        let Opener { file, arrays, .. } = opener;
        Ok(Self { folder: folder.to_owned(), file, arrays })
    }
}

impl TensorSource for Checkpoint {
    fn path(&self) -> &Path {
        &self.folder
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.arrays.keys().map(String::as_str))
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.arrays.get(name).map(|stored| match stored {
            Stored::Msgpack { shape, .. } | Stored::Zarr { shape, .. } => shape.as_slice(),
            Stored::Number(_) => &[],
        })
    }

    fn dtype(&self, name: &str) -> Option<String> {
        self.arrays.get(name).map(|stored| match stored {
            Stored::Msgpack { dtype, .. } => dtype.to_string(),
            Stored::Zarr { array, .. } => array.dtype().to_string(),
            Stored::Number(_) => "number".to_owned(),
        })
    }

    /// Reads an array. Its elements may be floats or integers of any width, and must be finite.
    fn read(&self, name: &str) -> Result<TensorData> {
        let stored = self.arrays.get(name).ok_or_else(|| self.missing(name, None))?;
        let data = match stored {
            Stored::Number(number) => TensorData::new(vec![*number], Vec::<usize>::new()),
            Stored::Msgpack { shape, dtype, parts } => {
                let mut values = Vec::with_capacity(shape.iter().product());
                for part in parts {
                    let (_, _, bytes) = numpy_array(part, name, &self.file)?;
                    dtype.widen_into(bytes, &mut values);
                }
                TensorData::new(values, shape.clone())
            }
            Stored::Zarr { shape, array } => TensorData::new(array.read(name)?, shape.clone()),
        };
        check_finite(&data, self.file(name), Some(name))?;
        Ok(data)
    }

    fn file(&self, name: &str) -> &Path {
        match self.arrays.get(name) {
            Some(Stored::Zarr { array, .. }) => array.path(),
            _ => &self.file,
        }
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names().collect();
        formatter
            .debug_struct("Checkpoint")
            .field("folder", &self.folder)
            .field("arrays", &names)
            .finish()
    }
}

/// Returns the path of the msgpack file, which need not exist.
fn file_of(folder: &Path) -> PathBuf {
    let file = folder.join(CHECKPOINT_FILE);
    let within = folder.join(STATE_FOLDER).join(CHECKPOINT_FILE);
    if !file.is_file() && within.is_file() { within } else { file }
}

/// Returns the folder of the highest step in a folder of several checkpoints.
fn newest_step(folder: &Path) -> Option<PathBuf> {
    std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let step: u64 =
                path.file_name()?.to_str()?.strip_prefix("checkpoint_")?.parse().ok()?;
            Checkpoint::is_at(&path).then_some((step, path))
        })
        .max()
        .map(|(_, path)| path)
}

/// Collects the arrays of a checkpoint.
#[derive(Default)]
struct Opener {
    /// The folder in which folders of arrays are.
    parent: PathBuf,
    file: PathBuf,
    version: i64,
    arrays: BTreeMap<String, Stored>,
    /// Total length of the names.
    names: usize,
    /// Size of the arrays in folders of their own as 32-bit floats.
    size: u64,
    /// Size of the files of their chunks.
    stored: u64,
}

impl Opener {
    fn collect(&mut self, name: &str, node: Node) -> Result<()> {
        self.names += name.len();
        if self.names > MAX_NAMES {
            let found = format!("more than {MAX_NAMES} bytes");
            return Err(self.malformed(shortened(name), "names that aren't too long", found));
        }
        let stored = match node {
            // An empty branch.
            Node::Nothing => return Ok(()),
            Node::Integer(number) => Stored::Number(number as f32),
            Node::Real(number) => Stored::Number(number as f32),
            Node::Extension(NUMPY_ARRAY | NUMPY_SCALAR, bytes) => {
                let (shape, dtype, _) = numpy_array(&bytes, name, &self.file)?;
                Stored::Msgpack { shape, dtype, parts: vec![bytes] }
            }
            Node::Text(text) if text.starts_with(PLACEHOLDER) => {
                self.folder(name, &text[PLACEHOLDER.len()..], None)?
            }
            node @ Node::Branch(_) if node.get(CHUNKED).is_some() => self.chunked(name, node)?,
            node @ Node::Branch(_) if node.get("driver").and_then(Node::text).is_some() => {
                self.described(name, &node)?
            }
            Node::Branch(entries) => {
                for (key, value) in entries {
                    self.collect(&format!("{name}.{key}"), value)?;
                }
                return Ok(());
            }
            node => return Err(self.malformed(name, "an array", node.kind())),
        };
        self.arrays.insert(name.to_owned(), stored);
        Ok(())
    }

    fn malformed(&self, name: &str, expected: &'static str, found: String) -> TensorError {
        let (path, array) = (self.file.clone(), name.to_owned());
        Error::Form { path, array, expected, found }.into()
    }

    /// Collects a large array, which flax stores as consecutive parts of the flattened array.
    fn chunked(&self, name: &str, node: Node) -> Result<Stored> {
        let expected = "an array in parts, with `shape` and `chunks`";
        let shape = node
            .get("shape")
            .and_then(Node::sizes)
            .ok_or_else(|| self.malformed(name, expected, "no `shape`".into()))?;
        let items = node
            .get("chunks")
            .and_then(Node::items)
            .ok_or_else(|| self.malformed(name, expected, "no `chunks`".into()))?;
        let mut parts = Vec::new();
        let (mut found, mut dtypes) = (0, Vec::new());
        for item in items {
            let Node::Extension(NUMPY_ARRAY, bytes) = item else {
                return Err(self.malformed(name, "parts that are arrays", item.kind()));
            };
            let (part, dtype, _) = numpy_array(bytes, name, &self.file)?;
            dtypes.push(dtype);
            found += part.iter().product::<usize>();
            parts.push(bytes.clone());
        }
        if element_count(&shape) != Some(found) {
            let found = format!("{found} elements for shape {shape:?}");
            return Err(self.malformed(name, "parts that fill the shape", found));
        }
        let dtype = dtypes.first().copied().unwrap_or(Dtype::F32);
        if dtypes.iter().any(|other| *other != dtype) {
            return Err(self.malformed(name, "parts of one type", format!("{dtypes:?}")));
        }
        Ok(Stored::Msgpack { shape, dtype, parts })
    }

    /// Collects an array that is a description in the form of TensorStore.
    fn described(&mut self, name: &str, node: &Node) -> Result<Stored> {
        let driver = node.get("driver").and_then(Node::text).unwrap_or_default();
        if driver != "zarr" {
            return Err(self.malformed(
                name,
                "an array of TensorStore's driver `zarr`",
                format!("driver `{driver}`"),
            ));
        }
        // Older versions have the path next to the store instead of in it.
        let path = node
            .get("kvstore")
            .and_then(|store| store.get("path"))
            .or_else(|| node.get("path"))
            .and_then(Node::text)
            .unwrap_or(name);
        let shape = node.get("metadata").and_then(|metadata| metadata.get("shape"));
        self.folder(name, path, shape.and_then(Node::sizes))
    }

    fn folder(&mut self, name: &str, path: &str, expected: Option<Vec<usize>>) -> Result<Stored> {
        let path = path.trim_end_matches('/');
        if !stays_below(path) {
            return Err(self.malformed(
                name,
                "the name of a folder next to the file",
                format!("`{path}`"),
            ));
        }
        if self.parent.join("manifest.ocdbt").is_file() {
            return Err(Error::Ocdbt { folder: self.parent.clone() }.into());
        }
        let array = ZarrArray::open(self.parent.join(path), name, self.version < FIRST_WITH_BF16)?;
        let shape = array.shape();
        if let Some(expected) = expected.filter(|expected| *expected != shape) {
            let (path, array, found) = (array.description(), name.to_owned(), shape);
            return Err(Error::Shape { path, array, expected, found }.into());
        }
        let size = shape.iter().product::<usize>() as u64 * size_of::<f32>() as u64;
        self.size = self.size.saturating_add(size);
        self.stored += array.stored();
        if self.size > largest_size(self.stored) {
            return Err(Error::Size {
                path: array.description(),
                array: name.to_owned(),
                shape,
                stored: array.stored(),
            }
            .into());
        }
        Ok(Stored::Zarr { shape, array: Box::new(array) })
    }
}

/// Returns the start of a name, for a message.
fn shortened(name: &str) -> &str {
    &name[..name.floor_char_boundary(200)]
}

/// Parses the payload of one of flax's extensions. Shape, type and bytes match each other.
fn numpy_array<'a>(
    payload: &'a [u8],
    name: &str,
    file: &Path,
) -> Result<(Vec<usize>, Dtype, &'a [u8])> {
    let malformed = |found: String| Error::Form {
        path: file.to_owned(),
        array: name.to_owned(),
        expected: "an array with its shape, type and elements",
        found,
    };
    let (shape, stored, bytes): NumpyArray<'a> =
        rmp_serde::from_slice(payload).map_err(|error| malformed(error.to_string()))?;
    let dtype = Dtype::from_numpy(stored).ok_or_else(|| TensorError::Dtype {
        path: file.to_owned(),
        tensor: Some(name.to_owned()),
        expected: EXPECTED_DTYPE,
        found: format!("`{stored}`"),
    })?;
    let expected = element_count(&shape).and_then(|count| count.checked_mul(dtype.size()));
    if expected != Some(bytes.len()) {
        let found = format!("{} bytes of `{stored}` for shape {shape:?}", bytes.len());
        return Err(malformed(found).into());
    }
    Ok((shape, dtype, bytes))
}
