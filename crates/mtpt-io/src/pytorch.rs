//! Files that `torch.save` wrote.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use pytorch_reader::{
    DType as StoredDtype, PickleError, PickleValue, PytorchError, PytorchReader, Tensor,
};
use zip::ZipArchive;

use crate::content::ForeignContent;
use crate::dtype::Dtype;
use crate::error::{Result, TensorError, listed};
use crate::expansion::largest_size;
use crate::finite::check_stored;
use crate::fs::{self, FileVersion, IoError};
use crate::layout::element_count;
use crate::source::TensorSource;

/// The tensors of a file that `torch.save` wrote.
pub struct PytorchFile {
    path: PathBuf,
    version: FileVersion,
    tensors: BTreeMap<String, Tensor>,
}

impl PytorchFile {
    /// Opens a file and reads its structure. Entries that are not tensors are skipped.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, has other content ([`TensorError::Foreign`]), is malformed
    /// ([`TensorError::Pytorch`]), or has no tensors ([`TensorError::Pickle`]).
    pub fn open(path: &Path) -> Result<Self> {
        let opened = fs::open(path)?;
        let version = FileVersion::of(&opened, path)?;
        let length = version.length();
        check_pickle(opened, path, length)?;
        let reader = PytorchReader::new(path).map_err(|error| failed(path, error))?;
        let tensors: BTreeMap<_, _> = reader.into_tensors().into_iter().collect();
        check_sizes(&tensors, path, length)?;
        if tensors.is_empty() {
            let found = match PytorchReader::read_pickle_data(path, None) {
                Ok(PickleValue::Dict(values)) if !values.is_empty() => {
                    format!("no tensors but the keys {}", listed(&sorted_keys(values)))
                }
                _ => "no tensors".to_owned(),
            };
            return Err(TensorError::Pickle { path: path.to_owned(), found });
        }
        Ok(Self { path: path.to_owned(), version, tensors })
    }

    /// Opens a file that is a dictionary of tensors and has nothing else in it.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`TensorError::Pickle`] for another object or other entries.
    pub fn open_dictionary(path: &Path) -> Result<Self> {
        let file = Self::open(path)?;
        let refused = |found| TensorError::Pickle { path: path.to_owned(), found };
        let values = PytorchReader::read_pickle_data(path, None);
        let PickleValue::Dict(values) = values.map_err(|error| failed(path, error))? else {
            return Err(refused("another object".to_owned()));
        };
        let mut others = sorted_keys(values);
        others.retain(|key| !file.tensors.contains_key(key));
        if others.is_empty() { Ok(file) } else { Err(refused(listed(&others))) }
    }
}

/// Checks the size of the pickle in an archive, which describes the tensors. PyTorch doesn't
/// compress it.
fn check_pickle(file: File, path: &Path, length: u64) -> Result<()> {
    let Ok(mut archive) = ZipArchive::new(file) else { return Ok(()) };
    let sizes = (0..archive.len()).filter_map(|index| {
        let entry = archive.by_index_raw(index).ok()?;
        entry.name().is_ok_and(|name| name.ends_with("data.pkl")).then_some(entry.size())
    });
    match sizes.max() {
        Some(size) if size > length => Err(TensorError::Pytorch {
            path: path.to_owned(),
            problem: format!(
                "its `data.pkl` expands to {size} bytes, from a file of {length}; save it again \
                 with PyTorch"
            ),
        }),
        _ => Ok(()),
    }
}

/// Checks that the tensors aren't much larger than the file: a view may repeat elements.
///
/// Tensors may share their elements: T5's embedding table has up to four names.
fn check_sizes(tensors: &BTreeMap<String, Tensor>, path: &Path, length: u64) -> Result<()> {
    let mut total = 0_u64;
    for (name, tensor) in tensors {
        let shape = tensor.shape();
        let size = element_count(shape).map(|count| (count * size_of::<f32>()) as u64);
        total = size.map_or(u64::MAX, |size| total.saturating_add(size));
        if total > largest_size(length) {
            return Err(TensorError::Pytorch {
                path: path.to_owned(),
                problem: format!(
                    "the tensor `{name}` of shape {shape:?} and those before it are larger than a \
                     file of {length} bytes can have; save them with `contiguous()`"
                ),
            });
        }
    }
    Ok(())
}

fn sorted_keys(values: HashMap<String, PickleValue>) -> Vec<String> {
    let mut keys: Vec<String> = values.into_keys().collect();
    keys.sort_unstable();
    keys
}

impl TensorSource for PytorchFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.tensors.keys().map(String::as_str))
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(Tensor::shape)
    }

    fn dtype(&self, name: &str) -> Option<String> {
        self.tensors.get(name).map(|tensor| format!("{:?}", tensor.dtype()))
    }

    fn read(&self, name: &str) -> Result<TensorData> {
        let tensor = self.tensors.get(name).ok_or_else(|| self.missing(name, None))?;
        let dtype = match tensor.dtype() {
            StoredDtype::F64 => Dtype::F64,
            StoredDtype::F32 => Dtype::F32,
            StoredDtype::F16 => Dtype::F16,
            StoredDtype::BF16 => Dtype::Bf16,
            other => return Err(TensorError::not_float(&self.path, name, format!("{other:?}"))),
        };
        let bytes = tensor.read();
        // The tensors were listed in the version that was opened.
        self.version.check_path(&self.path)?;
        let bytes = bytes.map_err(|error| unreadable(&self.path, name, error))?;
        let data = TensorData::new(dtype.widen_native(bytes), tensor.shape().to_vec());
        check_stored(&data, dtype, &self.path, Some(name))?;
        Ok(data)
    }
}

impl fmt::Debug for PytorchFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PytorchFile")
            .field("path", &self.path)
            .field("tensors", &self.tensors.keys())
            .finish()
    }
}

/// Returns the error that a file cannot be opened.
fn failed(path: &Path, error: PytorchError) -> TensorError {
    /// Part of the parser's message about an object other than a dictionary.
    const ROOT: &str = "a dictionary at the root of the PyTorch file";
    const DAMAGED: &str = "it is truncated or damaged; download or copy the file again";
    let malformed = |problem: String| TensorError::Pytorch { path: path.to_owned(), problem };
    let of_content = |problem: String| {
        // PyTorch's own archives are zip files, which are recognized as well.
        if starts_like_zip(path) {
            malformed(problem)
        } else {
            TensorError::explained(path, "PyTorch file", malformed(problem))
        }
    };
    let unsupported = |name: &str| {
        malformed(format!(
            "expected tensors of floats, found an object of type `{name}`; save the `state_dict()` \
             of a model without quantization"
        ))
    };
    match error {
        PytorchError::Io(source) | PytorchError::Pickle(PickleError::Io(source))
            if source.kind() != ErrorKind::UnexpectedEof
                && source.kind() != ErrorKind::InvalidData =>
        {
            IoError::new("read", path, source).into()
        }
        PytorchError::Pickle(PickleError::UnsupportedType(name)) => unsupported(&name),
        PytorchError::Zip(_) => malformed(
            "it starts like a zip archive, but has no directory at its end, so it is truncated or \
             damaged; download or copy the file again"
                .to_owned(),
        ),
        PytorchError::InvalidFormat(problem) if problem.starts_with("Big-endian") => malformed(
            "it has big-endian values; save it again on a little-endian machine".to_owned(),
        ),
        PytorchError::InvalidFormat(problem) if problem.contains(ROOT) => {
            let (_, found) = problem.split_once(ROOT).unwrap_or_default();
            malformed(format!("expected a dictionary of tensors{found}"))
        }
        _ => of_content(DAMAGED.to_owned()),
    }
}

/// Returns the error that the values of a tensor cannot be read.
fn unreadable(path: &Path, name: &str, error: std::io::Error) -> TensorError {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => TensorError::Pytorch {
            path: path.to_owned(),
            problem: format!(
                "the values of `{name}` are truncated or damaged; download or copy the file again"
            ),
        },
        _ => IoError::new("read", path, error).into(),
    }
}

fn starts_like_zip(path: &Path) -> bool {
    fs::read_start(path, 4).is_ok_and(|start| ForeignContent::is_zip(&start))
}
