//! Arrays of floats in numpy's `.npy` format.

use std::path::{Path, PathBuf};

use burn::tensor::TensorData;

use crate::content::ForeignContent;
use crate::dtype::Dtype;
use crate::error::{Result, TensorError};
use crate::finite::check_stored;
use crate::fs;
use crate::layout::{f32_values, to_row_major};
use crate::npy_header::NpyHeader;
use crate::npz::only_array;
use crate::source::TensorSource;

/// The first bytes of every `.npy` file.
const MAGIC: &[u8] = b"\x93NUMPY";
/// Those of the files that are written.
const VERSION_1: &[u8] = b"\x93NUMPY\x01\0";

/// Returns whether bytes start like a `.npy` file.
pub fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Returns whether bytes start like a `.npy` file or like a zip archive, such as a `.npz` file.
pub fn is_npy_or_zip(bytes: &[u8]) -> bool {
    is_npy(bytes) || ForeignContent::is_zip(bytes)
}

/// Reads an array of floats as 32-bit floats in row-major order, from a `.npy` file or from a
/// `.npz` file with one array.
///
/// Floats of 16, 32 and 64 bits are supported, and bfloat16, which numpy stores as elements of two
/// bytes without a type (`V2`), in either byte order and memory order.
///
/// # Errors
///
/// When the file cannot be read, and as [`parse_npy`].
pub fn read_npy(path: &Path) -> Result<TensorData> {
    let bytes = fs::read(path)?;
    if ForeignContent::is_zip(&bytes) {
        return parse_npy(&only_array(&bytes, path)?, path);
    }
    parse_npy(&bytes, path)
}

/// Parses the contents of a `.npy` file like [`read_npy`]. The path is for messages.
///
/// # Errors
///
/// When the file has other content ([`TensorError::Foreign`]), is malformed ([`TensorError::Npy`]),
/// truncated or too long ([`TensorError::FileLength`]), its elements have another type
/// ([`TensorError::Dtype`]), or one of them is not finite ([`TensorError::NotFinite`],
/// [`TensorError::TooLarge`]).
pub fn parse_npy(bytes: &[u8], path: &Path) -> Result<TensorData> {
    let malformed = |problem: String| TensorError::Npy { path: path.to_owned(), problem };
    if !is_npy(bytes) {
        let (path, expected) = (path.to_owned(), "`.npy` file");
        return Err(match ForeignContent::of(&bytes[..bytes.len().min(512)]) {
            Some(content) => TensorError::Foreign { path, expected, content },
            None => malformed("it doesn't start like one".to_owned()),
        });
    }
    let header = NpyHeader::parse(bytes).map_err(malformed)?;
    let Some((dtype, is_big_endian)) = float(&header.descr) else {
        return Err(wrong_type(path, &header.descr));
    };
    let NpyHeader { shape, data_start, .. } = header;
    let data = &bytes[data_start..];
    let size = shape.iter().try_fold(dtype.size(), |size, &length| size.checked_mul(length));
    if size != Some(data.len()) {
        let expected = (data_start as u64).saturating_add(size.unwrap_or(usize::MAX) as u64);
        let found = bytes.len() as u64;
        return Err(TensorError::FileLength { path: path.to_owned(), expected, found });
    }
    let values = if is_big_endian {
        let mut data = data.to_vec();
        data.chunks_exact_mut(dtype.size()).for_each(<[u8]>::reverse);
        dtype.widen(&data)
    } else {
        dtype.widen(data)
    };
    let values = if header.is_fortran { to_row_major(&values, &shape) } else { values };
    let data = TensorData::new(values, shape);
    check_stored(&data, dtype, path, None)?;
    Ok(data)
}

/// Returns the error that elements are not floats.
fn wrong_type(path: &Path, descr: &str) -> TensorError {
    const SHOWN: usize = 100;
    let expected = "floats of 16, 32 or 64 bits, or bfloat16";
    let shown: String = descr.chars().take(SHOWN).collect();
    let found = match descr.trim_start_matches(ORDERS).chars().next() {
        Some('O') => format!("`{shown}`, pickled Python objects"),
        Some('[') => shown,
        _ => format!("'{shown}'"),
    };
    TensorError::Dtype { path: path.to_owned(), tensor: None, expected, found }
}

/// Marks of the byte order: little-endian, big-endian, irrelevant, the machine's.
const ORDERS: [char; 4] = ['<', '>', '|', '='];

/// Returns the type of floats and whether their bytes are in big-endian order, or `None` for other
/// elements.
fn float(descr: &str) -> Option<(Dtype, bool)> {
    let dtype = match descr.strip_prefix(ORDERS).unwrap_or(descr) {
        "f2" => Dtype::F16,
        "f4" => Dtype::F32,
        "f8" => Dtype::F64,
        // As `ml_dtypes` stores bfloat16, which numpy has no name for.
        "V2" => Dtype::Bf16,
        _ => return None,
    };
    let is_native = !descr.starts_with(['<', '>', '|']);
    Some((dtype, descr.starts_with('>') || is_native && cfg!(target_endian = "big")))
}

/// Returns the bytes of a `.npy` file of little-endian 32-bit floats in row-major order.
///
/// # Panics
///
/// When the elements are not 32-bit floats.
pub fn npy_bytes(data: &TensorData) -> Vec<u8> {
    let values = f32_values(data);
    let sizes: Vec<String> = data.shape().iter().map(usize::to_string).collect();
    let shape = match sizes.as_slice() {
        [size] => format!("({size},)"),
        sizes => format!("({})", sizes.join(", ")),
    };
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    // Like numpy's, so that the elements start at a multiple of 64 bytes.
    let length = (VERSION_1.len() + size_of::<u16>() + header.len() + 1).next_multiple_of(64);
    let length = length - VERSION_1.len() - size_of::<u16>();
    header.extend(std::iter::repeat_n(' ', length - header.len() - 1));
    header.push('\n');
    let mut bytes = VERSION_1.to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// The array of a `.npy` file as a source of one tensor, whose name is empty.
///
/// It is read when the file is opened, since the format has no need for more than one read.
#[derive(Clone, Debug)]
pub struct NpyFile {
    path: PathBuf,
    data: TensorData,
}

impl NpyFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// As [`read_npy`].
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_owned(), data: read_npy(path)? })
    }

    fn get(&self, name: &str) -> Option<&TensorData> {
        name.is_empty().then_some(&self.data)
    }
}

impl TensorSource for NpyFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(std::iter::once(""))
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.get(name).map(|data| &data.shape()[..])
    }

    fn dtype(&self, name: &str) -> Option<String> {
        self.get(name).map(|_| Dtype::F32.to_string())
    }

    fn read(&self, name: &str) -> Result<TensorData> {
        self.get(name).cloned().ok_or_else(|| self.missing(name, None))
    }
}
