use std::path::Path;
use std::{fs, io};

use burn::tensor::TensorData;
use npyz::{DType, NpyFile, Order, TypeChar, WriterBuilder};

use crate::{Error, Result, place_of};

/// The bytes that every `.npy` file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";

/// Whether bytes begin as those of a `.npy` file do, whatever its name is.
pub fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Reads an array of 32- or 64-bit floats in numpy's `.npy` format, row by row, as 32-bit floats.
///
/// # Errors
///
/// When the file cannot be read ([`Error::File`]), and those of [`parse_npy`].
pub fn read_npy(path: &Path) -> Result<TensorData> {
    let bytes = fs::read(path).map_err(|source| Error::File {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    parse_npy(&bytes, path)
}

/// The same of the content of a file; the path is for messages.
///
/// # Errors
///
/// When it is not a whole `.npy` file ([`Error::Npy`]), has elements of another type ([`Error::NpyElementType`]), or a
/// number that is not finite ([`Error::NotFinite`]).
pub fn parse_npy(bytes: &[u8], path: &Path) -> Result<TensorData> {
    let malformed = |source| Error::Npy { path: path.to_owned(), source };
    let file = NpyFile::new(bytes).map_err(malformed)?;
    let shape: Vec<usize> = file.shape().iter().map(|&size| size as usize).collect();
    let count = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
    if count.is_none_or(|count| count > bytes.len()) {
        let message = format!("its shape {shape:?} asks for more numbers than the file has");
        return Err(malformed(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
    }
    let column_major = file.order() == Order::Fortran;
    let values: Vec<f32> = match element_size(&file.dtype()) {
        Some(4) => file.into_vec::<f32>().map_err(malformed)?,
        Some(8) => {
            let values = file.into_vec::<f64>().map_err(malformed)?;
            values.into_iter().map(|value| value as f32).collect()
        }
        _ => {
            let found = file.dtype().descr();
            return Err(Error::NpyElementType { path: path.to_owned(), found });
        }
    };
    let values = if column_major { row_by_row(&values, &shape) } else { values };
    let data = TensorData::new(values, shape);
    match first_not_finite(&data) {
        Some((place, value)) => Err(Error::NotFinite { path: path.to_owned(), place, value }),
        None => Ok(data),
    }
}

/// The bytes of a `.npy` file of little-endian 32-bit floats in row-major order.
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
        .expect("invariant: memory takes all bytes, and the shape has as many numbers as the data");
    bytes
}

/// The place of the first number that is infinite or not a number, an index for each dimension, and the number.
pub fn first_not_finite(data: &TensorData) -> Option<(Vec<usize>, f32)> {
    let position = data.iter::<f32>().position(|value| !value.is_finite())?;
    let value = data.iter::<f32>().nth(position)?;
    Some((place_of(position, data.shape()), value))
}

/// Bytes of an element, where elements are floats.
fn element_size(dtype: &DType) -> Option<u64> {
    match dtype {
        DType::Plain(kind) if kind.type_char() == TypeChar::Float => Some(kind.size_field()),
        _ => None,
    }
}

/// The numbers of an array that lies column by column.
fn row_by_row(values: &[f32], shape: &[usize]) -> Vec<f32> {
    (0..values.len())
        .map(|position| {
            let (mut rest, mut stride) = (position, values.len());
            // The last dimension, which runs fastest by rows, runs slowest by columns.
            let place = shape.iter().rev().map(|&size| {
                stride /= size;
                let index = rest % size;
                rest /= size;
                index * stride
            });
            values[place.sum::<usize>()]
        })
        .collect()
}
