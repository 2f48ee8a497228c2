//! Files that `torch.save` wrote.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek};
use std::ops::Range;
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
use crate::pickle::{Excess, check_memory};
use crate::source::TensorSource;

/// Name of an archive's entry that describes the tensors, in some folder.
const DESCRIPTION: &str = "data.pkl";
/// Part of the first pickle of files before PyTorch 1.6.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// Where a tar archive says that it is one.
const TAR_MARK: Range<usize> = 257..262;

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
        check_pickles(opened, path, length)?;
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

/// Checks the size of the pickles that describe the tensors, and of their objects.
fn check_pickles(file: File, path: &Path, length: u64) -> Result<()> {
    let malformed = |problem| TensorError::Pytorch { path: path.to_owned(), problem };
    let start = fs::read_start(path, TAR_MARK.end as u64)?;
    let checked = if ForeignContent::is_zip(&start) {
        let Ok(mut archive) = ZipArchive::new(BufReader::new(file)) else { return Ok(()) };
        let Some(pickle) = described_by(&archive).and_then(|name| archive.by_name(&name).ok())
        else {
            return Ok(());
        };
        let size = pickle.size();
        if size > length {
            // PyTorch doesn't compress it.
            return Err(malformed(format!(
                "its `data.pkl` expands to {size} bytes, from a file of {length}; save it again \
                 with PyTorch"
            )));
        }
        check_memory(BufReader::new(pickle.take(size)), 1, length)
    } else if start.get(TAR_MARK) == Some(b"ustar") {
        return Err(malformed(
            "it is a tar archive of a version of PyTorch before 0.1.10; load it with PyTorch and \
             save it again"
                .to_owned(),
        ));
    } else {
        // The magic number, two descriptions, the tensors and their keys; before, the tensors only.
        let has_magic_number = start.windows(LEGACY_MAGIC.len()).any(|part| part == LEGACY_MAGIC);
        check_memory(BufReader::new(file), if has_magic_number { 5 } else { 1 }, length)
    };
    checked.map_err(|Excess { limit }| {
        malformed(format!(
            "its pickle describes objects of more than {limit} bytes, from a file of {length}; \
             save a dictionary of tensors only"
        ))
    })
}

/// Returns the name of the entry that describes the tensors: the outermost `data.pkl`.
fn described_by<R: Read + Seek>(archive: &ZipArchive<R>) -> Option<String> {
    let names = archive.file_names().flatten();
    let folders = names.filter_map(|name| Some(name.strip_suffix(DESCRIPTION)?.to_owned()));
    let folder = folders
        .filter(|folder| folder.is_empty() || folder.ends_with('/'))
        .min_by_key(String::len)?;
    Some(folder + DESCRIPTION)
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
