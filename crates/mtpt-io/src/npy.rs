//! Arrays of 32- and 64-bit floats in numpy's `.npy` format.

use std::io;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use npyz::{DType, Order, TypeChar, WriterBuilder};

use crate::dtype::Dtype;
use crate::error::{Result, TensorError};
use crate::finite::check_finite;
use crate::fs;
use crate::layout::to_row_major;
use crate::source::TensorSource;

/// The first bytes of every `.npy` file.
const MAGIC: &[u8] = b"\x93NUMPY";

/// Returns whether bytes start like a `.npy` file.
pub fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Reads an array of 32- or 64-bit floats as 32-bit floats in row-major order.
///
/// # Errors
///
/// When the file cannot be read, and as [`parse_npy`].
pub fn read_npy(path: &Path) -> Result<TensorData> {
    parse_npy(&fs::read(path)?, path)
}

/// Parses the contents of a `.npy` file like [`read_npy`]. The path is for messages.
///
/// # Errors
///
/// When the file is malformed or truncated ([`TensorError::Npy`]), its elements have another type
/// ([`TensorError::Dtype`]), or one of them is not finite ([`TensorError::NotFinite`]).
pub fn parse_npy(bytes: &[u8], path: &Path) -> Result<TensorData> {
    let malformed = |source| TensorError::Npy { path: path.to_owned(), source };
    let file = npyz::NpyFile::new(bytes).map_err(malformed)?;
    let shape: Vec<usize> = file.shape().iter().map(|&size| size as usize).collect();
    let count = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
    if count.is_none_or(|count| count > bytes.len()) {
        let message = format!("shape {shape:?} needs more elements than the file has");
        return Err(malformed(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
    }
    let is_column_major = file.order() == Order::Fortran;
    let values: Vec<f32> = match float_size(&file.dtype()) {
        Some(4) => file.into_vec::<f32>().map_err(malformed)?,
        Some(8) => {
            let values = file.into_vec::<f64>().map_err(malformed)?;
            values.into_iter().map(|value| value as f32).collect()
        }
        _ => {
            return Err(TensorError::Dtype {
                path: path.to_owned(),
                tensor: None,
                expected: "32- or 64-bit floats",
                found: file.dtype().descr(),
            });
        }
    };
    let values = if is_column_major { to_row_major(&values, &shape) } else { values };
    let data = TensorData::new(values, shape);
    check_finite(&data, path, None)?;
    Ok(data)
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

/// Returns the size of an element in bytes if elements are floats.
fn float_size(dtype: &DType) -> Option<u64> {
    match dtype {
        DType::Plain(kind) if kind.type_char() == TypeChar::Float => Some(kind.size_field()),
        _ => None,
    }
}
