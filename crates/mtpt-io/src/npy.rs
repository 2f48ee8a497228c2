//! Arrays of floats in numpy's `.npy` format.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use npyz::{DType, Endianness, NpyHeader, Order, TypeChar, TypeStr, WriterBuilder};

use crate::content::ForeignContent;
use crate::dtype::Dtype;
use crate::error::{Result, TensorError};
use crate::finite::check_stored;
use crate::fs;
use crate::layout::to_row_major;
use crate::npz::only_array;
use crate::source::TensorSource;

/// The first bytes of every `.npy` file.
const MAGIC: &[u8] = b"\x93NUMPY";

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
    check_start(bytes).map_err(malformed)?;
    let mut rest = bytes;
    let header = NpyHeader::from_reader(&mut rest).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => malformed("its header is truncated".to_owned()),
        _ => match unknown_type(bytes) {
            Some(found) => wrong_type(path, found),
            None => malformed("its header is malformed".to_owned()),
        },
    })?;
    let float = match header.dtype() {
        DType::Plain(kind) => float(&kind),
        _ => None,
    };
    let Some((dtype, is_big_endian)) = float else {
        return Err(wrong_type(path, header.dtype().descr()));
    };
    let shape: Vec<usize> = header.shape().iter().map(|&size| size as usize).collect();
    let size = shape.iter().try_fold(dtype.size(), |size, &length| size.checked_mul(length));
    let found = bytes.len() as u64;
    if size != Some(rest.len()) {
        let start = (bytes.len() - rest.len()) as u64;
        let expected = start.saturating_add(size.unwrap_or(usize::MAX) as u64);
        return Err(TensorError::FileLength { path: path.to_owned(), expected, found });
    }
    let values = if is_big_endian {
        let mut data = rest.to_vec();
        data.chunks_exact_mut(dtype.size()).for_each(<[u8]>::reverse);
        dtype.widen(&data)
    } else {
        dtype.widen(rest)
    };
    let values = match header.order() {
        Order::Fortran => to_row_major(&values, &shape),
        Order::C => values,
    };
    let data = TensorData::new(values, shape);
    check_stored(&data, dtype, path, None)?;
    Ok(data)
}

/// Returns the error that elements are not floats.
fn wrong_type(path: &Path, found: String) -> TensorError {
    let expected = "floats of 16, 32 or 64 bits, or bfloat16";
    TensorError::Dtype { path: path.to_owned(), tensor: None, expected, found }
}

/// Checks the version, the length of the header and the number of elements, which the parser
/// assumes to be reasonable.
fn check_start(bytes: &[u8]) -> Result<(), String> {
    let field = bytes.get(8..12).map(|field| [field[0], field[1], field[2], field[3]]);
    match (bytes.get(6), field) {
        (Some(2 | 3), Some(length)) if u32::from_le_bytes(length) as usize > bytes.len() => {
            Err("its header is truncated".to_owned())
        }
        (Some(1..=3), Some(_)) if has_too_many_elements(bytes) => {
            Err("its shape has too many elements".to_owned())
        }
        (Some(1..=3), Some(_)) => Ok(()),
        (Some(version), Some(_)) => {
            Err(format!("expected version 1, 2 or 3 of the format, found {version}"))
        }
        _ => Err("its header is truncated".to_owned()),
    }
}

/// Returns whether the size of the array in a header exceeds the range of integers.
fn has_too_many_elements(bytes: &[u8]) -> bool {
    let header = start_as_text(bytes);
    let shape = header.split_once("shape").map_or("", |(_, shape)| shape);
    let shape = shape.split([')', ']']).next().unwrap_or_default();
    let sizes = shape.split(|c: char| !c.is_ascii_digit()).filter(|size| !size.is_empty());
    // Elements have at most 32 bytes.
    let size = sizes
        .map(|size| size.parse::<u64>().ok())
        .try_fold(32_u64, |product, size| product.checked_mul(size?.max(1)));
    size.is_none()
}

fn start_as_text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&bytes[..bytes.len().min(512)])
}

/// Returns the element type of a header as text, for types that the parser doesn't know, such as
/// `|O`, Python objects.
fn unknown_type(bytes: &[u8]) -> Option<String> {
    const KNOWN: &str = "biufcmMSaUV";
    let header = start_as_text(bytes);
    let (_, rest) = header.split_once("'descr':")?;
    let (found, _) = rest.trim_start().strip_prefix('\'')?.split_once('\'')?;
    let kind = found.trim_start_matches(['<', '>', '|', '=']).chars().next()?;
    if KNOWN.contains(kind) {
        return None;
    }
    Some(if found.ends_with('O') {
        format!("`{found}`, pickled Python objects")
    } else {
        format!("`{found}`")
    })
}

/// Returns the type of floats and whether their bytes are in big-endian order, or `None` for other
/// elements.
fn float(kind: &TypeStr) -> Option<(Dtype, bool)> {
    let dtype = match (kind.type_char(), kind.size_field()) {
        (TypeChar::Float, 2) => Dtype::F16,
        (TypeChar::Float, 4) => Dtype::F32,
        (TypeChar::Float, 8) => Dtype::F64,
        // As `ml_dtypes` stores bfloat16, which numpy has no name for.
        (TypeChar::RawData, 2) => Dtype::Bf16,
        _ => return None,
    };
    Some((dtype, kind.endianness() == Endianness::Big))
}

/// Returns the bytes of a `.npy` file of little-endian 32-bit floats in row-major order.
///
/// # Panics
///
/// When the elements are not 32-bit floats.
pub fn npy_bytes(data: &TensorData) -> Vec<u8> {
    let values = data.as_slice::<f32>().expect("`.npy` files are written from 32-bit floats");
    let shape: Vec<u64> = data.shape().iter().map(|&size| size as u64).collect();
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::<f32>::new().default_dtype().shape(&shape);
    options
        .writer(&mut bytes)
        .begin_nd()
        .and_then(|mut writer| {
            writer.extend(values.iter().copied())?;
            writer.finish()
        })
        .expect("invariant: writing to memory succeeds, and the shape matches the data");
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
