//! Tensors in files: what is there, and its numbers when asked for.
//!
//! Files are read one tensor at a time, so that loading needs little more memory than the model.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use pytorch_reader::PytorchReader;
use safetensors::SafeTensorError;
use safetensors::tensor::Metadata;
use serde::Deserialize;

use crate::error::{Error, Result, WeightsError};

/// The tensors of one model, in one file or in several.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    /// The file, or the index of several.
    path: PathBuf,
    tensors: BTreeMap<String, StoredTensor>,
}

#[derive(Debug)]
struct StoredTensor {
    file: PathBuf,
    shape: Vec<usize>,
    place: Place,
}

enum Place {
    Safetensors { offset: u64, length: usize, dtype: safetensors::Dtype },
    PyTorch(pytorch_reader::Tensor),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Safetensors { .. } => "Safetensors",
            Self::PyTorch(_) => "PyTorch",
        })
    }
}

/// How the numbers of a tensor lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberType {
    F64,
    F32,
    F16,
    Bf16,
}

/// `*.index.json` of a checkpoint in several files.
#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

/// Files that a folder may hold its weights in, the first that is there being taken.
const WEIGHT_FILES: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

const EXPECTED_FILES: &str = "`model.safetensors`, `model.safetensors.index.json`, `pytorch_model.bin`, \
                              `pytorch_model.bin.index.json`";

impl Checkpoint {
    /// Opens the weights of a folder in the form of transformers.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let path = WEIGHT_FILES
            .iter()
            .map(|name| folder.join(name))
            .find(|path| path.is_file())
            .ok_or_else(|| WeightsError::MissingFile {
                folder: folder.to_owned(),
                expected: EXPECTED_FILES,
            })?;
        let mut tensors = BTreeMap::new();
        let shards = shards(&path)?;
        if shards.is_empty() {
            read_header(&path, &mut tensors)?;
        }
        for file in shards {
            read_header(&folder.join(file), &mut tensors)?;
        }
        Ok(Self { path, tensors })
    }

    /// The file, or the index of several.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The numbers of a tensor, row by row, in single precision.
    pub(crate) fn read(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>> {
        let tensor = self.tensors.get(name).ok_or_else(|| WeightsError::MissingTensor {
            path: self.path.clone(),
            tensor: name.to_owned(),
            expected: expected.to_vec(),
        })?;
        if tensor.shape != expected {
            return Err(WeightsError::TensorShape {
                path: tensor.file.clone(),
                tensor: name.to_owned(),
                expected: expected.to_vec(),
                found: tensor.shape.clone(),
            }
            .into());
        }
        let unusable = |found: String| WeightsError::TensorType {
            path: tensor.file.clone(),
            tensor: name.to_owned(),
            found,
        };
        let (number_type, bytes) = match &tensor.place {
            Place::Safetensors { offset, length, dtype } => {
                let number_type = match dtype {
                    safetensors::Dtype::F64 => NumberType::F64,
                    safetensors::Dtype::F32 => NumberType::F32,
                    safetensors::Dtype::F16 => NumberType::F16,
                    safetensors::Dtype::BF16 => NumberType::Bf16,
                    other => return Err(unusable(format!("{other:?}")).into()),
                };
                let fill = |bytes: &mut [u8]| {
                    let mut file = File::open(&tensor.file)?;
                    file.seek(SeekFrom::Start(*offset))?;
                    file.read_exact(bytes)
                };
                let failed = |source| Error::io("read", &tensor.file)(source);
                if number_type == NumberType::F32 && cfg!(target_endian = "little") {
                    // The file has the numbers as they are wanted.
                    let mut numbers = vec![0.0_f32; *length / size_of::<f32>()];
                    fill(bytemuck::cast_slice_mut(&mut numbers)).map_err(failed)?;
                    return Ok(numbers);
                }
                let mut bytes = vec![0; *length];
                fill(&mut bytes).map_err(failed)?;
                (number_type, bytes)
            }
            Place::PyTorch(stored) => {
                let number_type = match stored.dtype() {
                    pytorch_reader::DType::F64 => NumberType::F64,
                    pytorch_reader::DType::F32 => NumberType::F32,
                    pytorch_reader::DType::F16 => NumberType::F16,
                    pytorch_reader::DType::BF16 => NumberType::Bf16,
                    other => return Err(unusable(format!("{other:?}")).into()),
                };
                let bytes = stored.read().map_err(Error::io("read", &tensor.file))?;
                // The reader gives the machine's byte order, and what follows takes the files'.
                (
                    number_type,
                    if cfg!(target_endian = "big") { swap(bytes, number_type) } else { bytes },
                )
            }
        };
        Ok(widen(&bytes, number_type))
    }
}

/// Whether a folder holds weights in the form of transformers.
pub(crate) fn has_weights(folder: &Path) -> bool {
    WEIGHT_FILES.iter().any(|name| folder.join(name).is_file())
}

/// The weights to take among the files of a folder: the first that is there of those known.
#[cfg(feature = "hub")]
pub(crate) fn weight_files(files: &[String]) -> Option<&'static str> {
    WEIGHT_FILES.into_iter().find(|name| files.iter().any(|file| file == name))
}

/// The files that an index lists; none where the weights are in the one file itself.
pub(crate) fn shards(path: &Path) -> Result<Vec<String>> {
    if path.extension().is_none_or(|extension| extension != "json") {
        return Ok(Vec::new());
    }
    let text = std::fs::read(path).map_err(Error::io("read", path))?;
    let index: ShardIndex = serde_json::from_slice(&text)
        .map_err(|source| WeightsError::Index { path: path.to_owned(), source })?;
    let mut files: Vec<_> = index.weight_map.into_values().collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// Notes every tensor of a file, reading none.
fn read_header(path: &Path, tensors: &mut BTreeMap<String, StoredTensor>) -> Result<()> {
    if path.extension().is_some_and(|extension| extension == "safetensors") {
        read_safetensors_header(path, tensors)
    } else {
        let reader = PytorchReader::new(path).map_err(|source| match source {
            pytorch_reader::PytorchError::Io(source) => Error::io("read", path)(source),
            source => {
                WeightsError::PyTorch { path: path.to_owned(), source: Box::new(source) }.into()
            }
        })?;
        for (name, tensor) in reader.into_tensors() {
            let shape = tensor.shape().to_vec();
            let place = Place::PyTorch(tensor);
            tensors.insert(name, StoredTensor { file: path.to_owned(), shape, place });
        }
        Ok(())
    }
}

fn read_safetensors_header(
    path: &Path,
    tensors: &mut BTreeMap<String, StoredTensor>,
) -> Result<()> {
    const PREFIX: u64 = 8;
    let failed = |source| WeightsError::Safetensors { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let found = file.metadata().map_err(Error::io("read", path))?.len();
    if found < PREFIX {
        return Err(failed(SafeTensorError::HeaderTooSmall).into());
    }
    let mut header = vec![0; PREFIX as usize];
    file.read_exact(&mut header).map_err(Error::io("read", path))?;
    let length = u64::from_le_bytes(
        header[..].try_into().expect("invariant: the prefix of a header is eight bytes long"),
    );
    // Compared before anything is allocated: a damaged length may be anything.
    let expected = length.saturating_add(PREFIX);
    if expected > found {
        return Err(WeightsError::FileLength { path: path.to_owned(), expected, found }.into());
    }
    header.resize(length as usize, 0);
    file.read_exact(&mut header).map_err(Error::io("read", path))?;
    // Reading it checks the offsets and sizes of all tensors against each other.
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|source| failed(SafeTensorError::InvalidHeaderDeserialization(source)))?;
    let start = expected;
    let expected = start + metadata.data_len() as u64;
    if expected != found {
        return Err(WeightsError::FileLength { path: path.to_owned(), expected, found }.into());
    }
    for (name, info) in metadata.tensors() {
        let (first, last) = info.data_offsets;
        let place = Place::Safetensors {
            offset: start + first as u64,
            length: last - first,
            dtype: info.dtype,
        };
        let stored = StoredTensor { file: path.to_owned(), shape: info.shape.clone(), place };
        tensors.insert(name, stored);
    }
    Ok(())
}

/// Little-endian numbers as single precision.
fn widen(bytes: &[u8], number_type: NumberType) -> Vec<f32> {
    match number_type {
        NumberType::F64 => {
            bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect()
        }
        NumberType::F32 => {
            bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        }
        NumberType::F16 => {
            bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect()
        }
        NumberType::Bf16 => {
            bytes.as_chunks().0.iter().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect()
        }
    }
}

/// Turns the order of the bytes of each number around.
fn swap(mut bytes: Vec<u8>, number_type: NumberType) -> Vec<u8> {
    let size = match number_type {
        NumberType::F64 => 8,
        NumberType::F32 => 4,
        NumberType::F16 | NumberType::Bf16 => 2,
    };
    bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    bytes
}
