use std::collections::BTreeMap;
use std::fmt::{self, Formatter};
use std::path::{Component, Path, PathBuf};

use super::msgpack::{self, NUMPY_ARRAY, NUMPY_SCALAR, Node, NumpyArray};
use super::number_type::NumberType;
use super::zarr_folder::ZarrFolder;
use super::{Array, Error, Result};

/// Name of the msgpack file in the folder of a checkpoint.
pub const CHECKPOINT_FILE: &str = "checkpoint";
/// Orbax keeps the same in a folder within.
const STATE_FOLDER: &str = "state";
/// What Orbax writes in the place of an array that has a folder of its own.
const PLACEHOLDER: &str = "PLACEHOLDER://";
/// What tells flax's form for arrays of more than 2^30 bytes from other dictionaries.
const CHUNKED: &str = "__msgpack_chunked_array__";
/// Versions below this one keep the bits of bfloat16 as unsigned integers in zarr folders.
const FIRST_WITH_BF16: i64 = 3;

/// The parameters of a checkpoint of T5X.
///
/// Names are dotted, as those of the folders are: `target.encoder.layers_0.attention.query.kernel`.
pub struct Checkpoint {
    folder: PathBuf,
    /// The msgpack file.
    file: PathBuf,
    arrays: BTreeMap<String, Stored>,
}

/// Where the numbers of an array are.
enum Stored {
    /// In the msgpack file: the contents of flax's extensions, several where the array is in parts.
    Here {
        shape: Vec<usize>,
        parts: Vec<Vec<u8>>,
    },
    /// A plain number in the msgpack file.
    Number(f32),
    Folder {
        shape: Vec<usize>,
        folder: Box<ZarrFolder>,
    },
}

impl Checkpoint {
    /// Whether a folder looks like a checkpoint of T5X, or of its form in Orbax.
    ///
    /// TensorFlow's checkpoints have a file of that name too, a text: [`open`](Self::open) tells.
    pub fn is_at(folder: &Path) -> bool {
        file_of(folder).is_file()
    }

    /// Opens a checkpoint: reads the msgpack file but for the optimizer's state, and the descriptions of all zarr
    /// folders that it names.
    ///
    /// # Errors
    ///
    /// When the folder is no checkpoint, the msgpack file is cut short or something else, or an array is neither in it nor
    /// in a folder of its own.
    pub fn open(folder: &Path) -> Result<Self> {
        let file = file_of(folder);
        if !file.is_file() {
            return Err(Error::NotACheckpoint {
                folder: folder.to_owned(),
                step: newest_step(folder),
            });
        }
        let (version, target) = msgpack::read(&file)?;
        // Folders of arrays are beside the msgpack file.
        let beside = file.parent().unwrap_or(folder).to_owned();
        let mut opener = Opener { beside, file, version, arrays: BTreeMap::new() };
        opener.collect("target", target)?;
        let Opener { file, arrays, .. } = opener;
        Ok(Self { folder: folder.to_owned(), file, arrays })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Names of all arrays, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// The shape of an array, `None` if there is no such array.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.arrays.get(name).map(|stored| match stored {
            Stored::Here { shape, .. } | Stored::Folder { shape, .. } => shape.as_slice(),
            Stored::Number(_) => &[],
        })
    }

    /// Reads an array. Floating point of any width and integers become single precision.
    ///
    /// # Errors
    ///
    /// When there is no such array, a chunk of it is missing or damaged, or a number is not finite.
    pub fn read(&self, name: &str) -> Result<Array> {
        let stored = self.arrays.get(name).ok_or_else(|| Error::MissingArray {
            folder: self.folder.clone(),
            array: name.to_owned(),
        })?;
        match stored {
            Stored::Number(number) => {
                Array { shape: Vec::new(), values: vec![*number] }.check_finite(name, &self.file)
            }
            Stored::Here { shape, parts } => {
                let mut values = Vec::with_capacity(shape.iter().product());
                for part in parts {
                    let (_, number_type, bytes) = numpy_array(part, name, &self.file)?;
                    number_type.widen(bytes, &mut values);
                }
                Array { shape: shape.clone(), values }.check_finite(name, &self.file)
            }
            Stored::Folder { shape, folder } => {
                let values = folder.read(name)?;
                Array { shape: shape.clone(), values }.check_finite(name, folder.path())
            }
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

/// The msgpack file of a folder, whether it is there or not.
fn file_of(folder: &Path) -> PathBuf {
    let file = folder.join(CHECKPOINT_FILE);
    let within = folder.join(STATE_FOLDER).join(CHECKPOINT_FILE);
    if !file.is_file() && within.is_file() { within } else { file }
}

/// The folder of the highest step in a folder of several checkpoints.
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

/// Notes every array of a checkpoint.
struct Opener {
    /// The folder that those of arrays are in.
    beside: PathBuf,
    file: PathBuf,
    version: i64,
    arrays: BTreeMap<String, Stored>,
}

impl Opener {
    fn collect(&mut self, name: &str, node: Node) -> Result<()> {
        let stored = match node {
            // An empty place of the tree.
            Node::Nothing => return Ok(()),
            Node::Integer(number) => Stored::Number(number as f32),
            Node::Real(number) => Stored::Number(number as f32),
            Node::Extension(NUMPY_ARRAY | NUMPY_SCALAR, bytes) => {
                let (shape, _, _) = numpy_array(&bytes, name, &self.file)?;
                Stored::Here { shape, parts: vec![bytes] }
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
            node => return Err(self.refused(name, "an array", node.kind())),
        };
        self.arrays.insert(name.to_owned(), stored);
        Ok(())
    }

    fn refused(&self, name: &str, expected: &'static str, found: String) -> Error {
        Error::Form { path: self.file.clone(), array: name.to_owned(), expected, found }
    }

    /// Flax's form for large arrays: the parts of the flat array, one after the other.
    fn chunked(&self, name: &str, node: Node) -> Result<Stored> {
        let expected = "an array in parts, with `shape` and `chunks`";
        let shape = node
            .get("shape")
            .and_then(Node::sizes)
            .ok_or_else(|| self.refused(name, expected, "no `shape`".into()))?;
        let items = node
            .get("chunks")
            .and_then(Node::items)
            .ok_or_else(|| self.refused(name, expected, "no `chunks`".into()))?;
        let mut parts = Vec::new();
        let mut found = 0;
        for item in items {
            let Node::Extension(NUMPY_ARRAY, bytes) = item else {
                return Err(self.refused(name, "parts that are arrays", item.kind()));
            };
            let (part, _, _) = numpy_array(bytes, name, &self.file)?;
            found += part.iter().product::<usize>();
            parts.push(bytes.clone());
        }
        if count(&shape) != Some(found) {
            let found = format!("{found} numbers for shape {shape:?}");
            return Err(self.refused(name, "parts that fill the shape", found));
        }
        Ok(Stored::Here { shape, parts })
    }

    /// A description of TensorStore's in the place of an array.
    fn described(&self, name: &str, node: &Node) -> Result<Stored> {
        let driver = node.get("driver").and_then(Node::text).unwrap_or_default();
        if driver != "zarr" {
            return Err(self.refused(
                name,
                "an array of TensorStore's driver `zarr`",
                format!("driver `{driver}`"),
            ));
        }
        // Older versions have the path beside the store, and not in it.
        let path = node
            .get("kvstore")
            .and_then(|store| store.get("path"))
            .or_else(|| node.get("path"))
            .and_then(Node::text)
            .unwrap_or(name);
        let shape = node.get("metadata").and_then(|metadata| metadata.get("shape"));
        self.folder(name, path, shape.and_then(Node::sizes))
    }

    fn folder(&self, name: &str, path: &str, expected: Option<Vec<usize>>) -> Result<Stored> {
        let path = path.trim_end_matches('/');
        let is_beside = !path.is_empty()
            && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_beside {
            return Err(self.refused(
                name,
                "the name of a folder beside the file",
                format!("`{path}`"),
            ));
        }
        if self.beside.join("manifest.ocdbt").is_file() {
            return Err(Error::Ocdbt { folder: self.beside.clone() });
        }
        let folder =
            ZarrFolder::open(self.beside.join(path), name, self.version < FIRST_WITH_BF16)?;
        let shape = folder.shape();
        match expected {
            Some(expected) if expected != shape => Err(Error::Shape {
                path: folder.description(),
                array: name.to_owned(),
                expected,
                found: shape,
            }),
            _ => Ok(Stored::Folder { shape, folder: Box::new(folder) }),
        }
    }
}

/// Number of numbers of a shape, `None` if there is no such number.
fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1, |count: usize, size| count.checked_mul(*size))
}

/// Shape, type and bytes of one of flax's extensions, which fit each other.
fn numpy_array<'a>(
    bytes: &'a [u8],
    name: &str,
    file: &Path,
) -> Result<(Vec<usize>, NumberType, &'a [u8])> {
    let refused = |found: String| Error::Form {
        path: file.to_owned(),
        array: name.to_owned(),
        expected: "an array with its shape, type and numbers",
        found,
    };
    let (shape, dtype, numbers): NumpyArray<'a> =
        rmp_serde::from_slice(bytes).map_err(|error| refused(error.to_string()))?;
    let number_type = NumberType::of_numpy(dtype).ok_or_else(|| Error::NumberType {
        path: file.to_owned(),
        array: name.to_owned(),
        found: dtype.to_owned(),
    })?;
    let expected = count(&shape).and_then(|count| count.checked_mul(number_type.size()));
    if expected != Some(numbers.len()) {
        return Err(refused(format!("{} bytes of `{dtype}` for shape {shape:?}", numbers.len())));
    }
    Ok((shape, number_type, numbers))
}
