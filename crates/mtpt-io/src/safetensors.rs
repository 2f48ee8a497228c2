//! Safetensors files.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use burn::tensor::{DType, TensorData};
use safetensors::tensor::{Metadata, TensorInfo, View};
use safetensors::{Dtype as StoredDtype, SafeTensorError};

use crate::dtype::Dtype;
use crate::error::{Result, TensorError};
use crate::finite::check_stored;
use crate::fs::{self, FileVersion, IoError};
use crate::layout::element_count;
use crate::source::TensorSource;

/// Length of the number at the start of a file that gives the length of its header.
const PREFIX: u64 = 8;

/// The tensors of a safetensors file.
#[derive(Debug)]
pub struct SafetensorsFile {
    path: PathBuf,
    version: FileVersion,
    metadata: BTreeMap<String, String>,
    /// Position of the first tensor in the file.
    data_start: u64,
    tensors: BTreeMap<String, TensorInfo>,
}

impl SafetensorsFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, has other content ([`TensorError::Foreign`]) or a malformed
    /// header ([`TensorError::Safetensors`]), or is shorter or longer than the header says
    /// ([`TensorError::FileLength`]).
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_valid(path).map_err(|error| match error {
            TensorError::Io(_) => error,
            error => TensorError::explained(path, "safetensors file", error),
        })
    }

    fn open_valid(path: &Path) -> Result<Self> {
        let failed = IoError::with("read", path);
        let malformed = |source: SafeTensorError| TensorError::Safetensors {
            path: path.to_owned(),
            problem: problem(&source),
        };
        let mut file = fs::open(path)?;
        let version = FileVersion::of(&file, path)?;
        let found = version.length();
        if found < PREFIX {
            return Err(malformed(SafeTensorError::HeaderTooSmall));
        }
        let mut prefix = [0; PREFIX as usize];
        file.read_exact(&mut prefix).map_err(failed)?;
        let header_length = u64::from_le_bytes(prefix);
        // Checked before anything is allocated: a damaged length may be anything.
        let data_start = header_length.saturating_add(PREFIX);
        if data_start > found {
            return Err(TensorError::FileLength {
                path: path.to_owned(),
                expected: data_start,
                found,
            });
        }
        let mut header = vec![0; header_length as usize];
        file.read_exact(&mut header).map_err(failed)?;
        // This also checks the offsets and sizes of all tensors against each other.
        let metadata: Metadata = serde_json::from_slice(&header)
            .map_err(|source| malformed(SafeTensorError::InvalidHeaderDeserialization(source)))?;
        let expected = data_start.saturating_add(metadata.data_len() as u64);
        if expected != found {
            return Err(TensorError::FileLength { path: path.to_owned(), expected, found });
        }
        let tensors: BTreeMap<String, TensorInfo> =
            metadata.tensors().into_iter().map(|(name, info)| (name, info.clone())).collect();
        if tensors.values().any(|info| element_count(&info.shape).is_none()) {
            return Err(malformed(SafeTensorError::TensorInvalidInfo));
        }
        let metadata = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Self { path: path.to_owned(), version, metadata, data_start, tensors })
    }

    /// Returns the text entries of the header.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Reads the bytes of a tensor to `bytes`.
    fn fill(&self, info: &TensorInfo, bytes: &mut [u8]) -> Result<()> {
        let mut file = fs::open(&self.path)?;
        let read = file
            .seek(SeekFrom::Start(self.data_start + info.data_offsets.0 as u64))
            .and_then(|_| file.read_exact(bytes));
        // The header belongs to the version that was opened. A changed file may be shorter, too.
        self.version.check(&file, &self.path)?;
        Ok(read.map_err(IoError::with("read", &self.path))?)
    }
}

impl TensorSource for SafetensorsFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.tensors.keys().map(String::as_str))
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|info| info.shape.as_slice())
    }

    fn dtype(&self, name: &str) -> Option<String> {
        self.tensors.get(name).map(|info| info.dtype.to_string())
    }

    fn read(&self, name: &str) -> Result<TensorData> {
        let (data, stored) = self.read_unchecked(name)?;
        check_stored(&data, stored, &self.path, Some(name))?;
        Ok(data)
    }
}

impl SafetensorsFile {
    /// Reads a tensor whose elements may be infinite or NaN, and the type it is stored as.
    pub(crate) fn read_unchecked(&self, name: &str) -> Result<(TensorData, Dtype)> {
        let info = self.tensors.get(name).ok_or_else(|| self.missing(name, None))?;
        let dtype = float_dtype(info.dtype)
            .ok_or_else(|| TensorError::not_float(&self.path, name, info.dtype.to_string()))?;
        let length = info.data_offsets.1 - info.data_offsets.0;
        let values = if dtype == Dtype::F32 && cfg!(target_endian = "little") {
            // Read to where they stay: the file and the memory have the same layout.
            let mut values = vec![0.0_f32; length / size_of::<f32>()];
            self.fill(info, bytemuck::cast_slice_mut(&mut values))?;
            values
        } else {
            let mut bytes = vec![0; length];
            self.fill(info, &mut bytes)?;
            dtype.widen(&bytes)
        };
        Ok((TensorData::new(values, info.shape.clone()), dtype))
    }
}

/// Returns what is wrong with the header of a file.
fn problem(error: &SafeTensorError) -> String {
    match error {
        SafeTensorError::HeaderTooSmall => "it has less than 8 bytes".to_owned(),
        SafeTensorError::InvalidOffset(name) => {
            format!("its header gives no valid position of the tensor `{name}`")
        }
        SafeTensorError::MetadataIncompleteBuffer => {
            "the tensors of its header don't cover the file".to_owned()
        }
        SafeTensorError::TensorInvalidInfo | SafeTensorError::ValidationOverflow => {
            "a tensor's shape doesn't match its number of bytes".to_owned()
        }
        SafeTensorError::HeaderTooLarge => "its header exceeds 100 MB".to_owned(),
        _ => "its header is not the expected JSON".to_owned(),
    }
}

/// Returns the bytes of a file of tensors of 32- or 16-bit floats. The path is for messages.
///
/// Equal contents give equal bytes if `metadata` has at most one entry.
///
/// # Errors
///
/// [`TensorError::Safetensors`] if the header exceeds the format's limit.
///
/// # Panics
///
/// When a tensor has elements of another type.
pub fn to_bytes<'a>(
    tensors: impl IntoIterator<Item = (&'a str, &'a TensorData)>,
    metadata: &BTreeMap<String, String>,
    path: &Path,
) -> Result<Vec<u8>> {
    let views = tensors.into_iter().map(|(name, data)| (name, TensorView(data)));
    let metadata: HashMap<_, _> = metadata.clone().into_iter().collect();
    safetensors::serialize(views, Some(metadata)).map_err(|source| TensorError::Safetensors {
        path: path.to_owned(),
        problem: problem(&source),
    })
}

/// A tensor as the format's writer takes it.
struct TensorView<'a>(&'a TensorData);

impl View for TensorView<'_> {
    fn dtype(&self) -> StoredDtype {
        match self.0.dtype() {
            DType::F32 => StoredDtype::F32,
            DType::F16 => StoredDtype::F16,
            DType::BF16 => StoredDtype::BF16,
            other => panic!("tensors of {other:?} are not written"),
        }
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let bytes = self.0.as_bytes();
        if cfg!(target_endian = "little") {
            return Cow::Borrowed(bytes);
        }
        let size = self.0.dtype().size();
        bytes.chunks_exact(size).flat_map(|bytes| bytes.iter().rev()).copied().collect()
    }

    fn data_len(&self) -> usize {
        self.0.as_bytes().len()
    }
}

/// Returns the type of floats, `None` for other elements.
fn float_dtype(stored: StoredDtype) -> Option<Dtype> {
    match stored {
        StoredDtype::F64 => Some(Dtype::F64),
        StoredDtype::F32 => Some(Dtype::F32),
        StoredDtype::F16 => Some(Dtype::F16),
        StoredDtype::BF16 => Some(Dtype::Bf16),
        _ => None,
    }
}
