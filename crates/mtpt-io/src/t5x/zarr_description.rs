//! The file `.zarray`, which describes an array.

use std::path::Path;

use half::bf16;
use serde::Deserialize;
use serde_json::Value;

use crate::dtype::Dtype;
use crate::layout::element_count;

/// Name of the file.
pub(super) const FILE: &str = ".zarray";

/// Parser's error, or the reason why a value is not supported.
type Problem = Box<dyn std::error::Error + Send + Sync>;

/// Description of an array: all sizes fit into memory addresses, and chunks have elements.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) shape: Vec<usize>,
    /// Size of a chunk along each axis.
    pub(super) chunks: Vec<usize>,
    /// Size of a decompressed chunk.
    pub(super) chunk_bytes: usize,
    pub(super) dtype: Dtype,
    is_big_endian: bool,
    /// Value of the elements of missing chunks.
    pub(super) fill_value: Option<f32>,
    pub(super) is_compressed: bool,
}

#[derive(Deserialize)]
struct Fields {
    zarr_format: u64,
    shape: Vec<usize>,
    chunks: Vec<usize>,
    dtype: Value,
    compressor: Option<Compressor>,
    #[serde(default)]
    fill_value: Value,
    order: String,
    filters: Option<Vec<Value>>,
    dimension_separator: Option<String>,
}

#[derive(Deserialize)]
struct Compressor {
    id: String,
}

impl Description {
    /// Parses a file. The inner error is a type that is not supported.
    pub(super) fn parse(text: &[u8]) -> Result<Result<Self, String>, Problem> {
        let fields: Fields = serde_json::from_slice(text)?;
        let unsupported = |field: &str, expected: &str, found: &dyn std::fmt::Display| {
            Problem::from(format!("`{field}` must be {expected}, but is {found}"))
        };
        let Fields { shape, chunks, .. } = fields;
        if fields.zarr_format != 2 {
            return Err(unsupported("zarr_format", "2", &fields.zarr_format));
        }
        if fields.order != "C" {
            return Err(unsupported("order", "`C`", &format!("`{}`", fields.order)));
        }
        let compressor = fields.compressor.map(|compressor| compressor.id);
        if let Some(found) = compressor.as_deref().filter(|id| *id != "gzip") {
            return Err(unsupported("compressor", "`gzip` or none", &format!("`{found}`")));
        }
        if fields.filters.is_some_and(|filters| !filters.is_empty()) {
            return Err("`filters` are not supported".into());
        }
        if let Some(found) = fields.dimension_separator.filter(|separator| separator != ".") {
            return Err(unsupported("dimension_separator", "`.`", &format!("`{found}`")));
        }
        let Value::String(name) = &fields.dtype else { return Ok(Err(fields.dtype.to_string())) };
        let Some(dtype) = Dtype::from_zarr(name) else { return Ok(Err(format!("`{name}`"))) };
        element_count(&shape).ok_or("`shape` has too many elements")?;
        let chunk_len = element_count(&chunks).ok_or("`chunks` have too many elements")?;
        if chunks.len() != shape.len() || chunk_len == 0 {
            let found = format!("{chunks:?}");
            let expected = format!("sizes above zero, one for each of the {} axes", shape.len());
            return Err(unsupported("chunks", &expected, &found));
        }
        Ok(Ok(Self {
            shape,
            chunks,
            chunk_bytes: chunk_len.checked_mul(dtype.size()).ok_or("`chunks` are too large")?,
            dtype,
            is_big_endian: name.starts_with('>'),
            fill_value: fill_value(&fields.fill_value)?,
            is_compressed: compressor.is_some(),
        }))
    }

    /// Takes the elements, unsigned integers, for the bits of bfloat16.
    pub(super) fn read_as_bf16(&mut self) {
        self.dtype = Dtype::Bf16;
        self.fill_value = self.fill_value.map(|bits| bf16::from_bits(bits as u16).to_f32());
    }

    /// Returns the number of elements.
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the number of elements of a chunk, above zero.
    pub(super) fn chunk_len(&self) -> usize {
        self.chunks.iter().product()
    }

    /// Returns the number of chunks along each axis.
    pub(super) fn grid(&self) -> Vec<usize> {
        self.shape.iter().zip(&self.chunks).map(|(size, chunk)| size.div_ceil(*chunk)).collect()
    }

    /// Returns the name of a chunk's file.
    pub(super) fn key(&self, position: &[usize]) -> String {
        let parts: Vec<String> = position.iter().map(usize::to_string).collect();
        if parts.is_empty() { "0".to_owned() } else { parts.join(".") }
    }

    /// Returns the position of the chunk that a file is, or `None` for another file.
    pub(super) fn position(&self, path: &Path) -> Option<Vec<usize>> {
        let name = path.file_name()?.to_str()?;
        if self.shape.is_empty() {
            return (name == "0").then(Vec::new);
        }
        let parts: Vec<usize> =
            name.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let grid = self.grid();
        let is_within = parts.len() == grid.len() && parts.iter().zip(&grid).all(|(a, b)| a < b);
        // Other spellings, such as `01`, are no chunks.
        (is_within && self.key(&parts) == name).then_some(parts)
    }

    /// Converts the elements of a chunk to 32-bit floats.
    pub(super) fn widen(&self, mut bytes: Vec<u8>) -> Vec<f32> {
        if self.is_big_endian {
            bytes.chunks_exact_mut(self.dtype.size()).for_each(<[u8]>::reverse);
        }
        self.dtype.widen(&bytes)
    }
}

/// Parses a fill value.
fn fill_value(value: &Value) -> Result<Option<f32>, Problem> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(f32::from(u8::from(*value)))),
        Value::Number(number) => Ok(number.as_f64().map(|value| value as f32)),
        other => Err(format!("`fill_value` must be a number, but is {other}").into()),
    }
}
