use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use zarrs::array::{Array, ArrayBytes, ArraySubset};
use zarrs::filesystem::FilesystemStore;
use zarrs::metadata::ArrayMetadata;
use zarrs::metadata::v2::ArrayMetadataV2;

use super::error::{EXPECTED_DTYPE, Error};
use crate::dtype::Dtype;
use crate::error::{Result, TensorError};
use crate::fs;

/// Name of the file that describes an array.
const DESCRIPTION: &str = ".zarray";

/// An array in zarr's second format, with one file for each chunk.
pub(super) struct ZarrArray {
    folder: PathBuf,
    array: Array<FilesystemStore>,
    dtype: Dtype,
    /// Whether a missing chunk has a value.
    has_fill_value: bool,
}

impl ZarrArray {
    /// Reads the description of an array, and none of its elements.
    ///
    /// `bf16_as_bits` is for checkpoints that store the bits of bfloat16 as unsigned integers.
    pub(super) fn open(folder: PathBuf, name: &str, bf16_as_bits: bool) -> Result<Self> {
        let path = folder.join(DESCRIPTION);
        if !path.is_file() {
            return Err(Error::MissingFolder { folder, array: name.to_owned() }.into());
        }
        let text = fs::read(&path)?;
        let malformed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Description {
            path: path.clone(),
            array: name.to_owned(),
            source,
        };
        let mut description: Value =
            serde_json::from_slice(&text).map_err(|error| malformed(error.into()))?;
        let stored = description.get("dtype").cloned().unwrap_or_default();
        let unknown = || TensorError::Dtype {
            path: path.clone(),
            tensor: Some(name.to_owned()),
            expected: EXPECTED_DTYPE,
            found: format!("`{}`", stored.as_str().map_or(stored.to_string(), str::to_owned)),
        };
        let mut dtype = match &stored {
            Value::Null => return Err(malformed("it has no `dtype`".into()).into()),
            Value::String(dtype) => Dtype::from_zarr(dtype).ok_or_else(unknown)?,
            _ => return Err(unknown()),
        };
        if dtype == Dtype::Bf16 {
            // TensorStore's addition to the format, unknown to zarrs: two bytes, the lower one
            // first.
            description["dtype"] = Value::from("<u2");
        } else if dtype == Dtype::U16 && bf16_as_bits {
            dtype = Dtype::Bf16;
        }
        let has_fill_value = description.get("fill_value").is_some_and(|value| !value.is_null());
        if has_fill_value && dtype == Dtype::Bf16 {
            return Err(malformed("a fill value for `bfloat16` is not supported".into()).into());
        }
        let metadata: ArrayMetadataV2 =
            serde_json::from_value(description).map_err(|error| malformed(error.into()))?;
        let store = FilesystemStore::new(&folder).map_err(|error| malformed(error.into()))?;
        let array = Array::new_with_metadata(Arc::new(store), "/", ArrayMetadata::V2(metadata))
            .map_err(|error| malformed(error.into()))?;
        Ok(Self { folder, array, dtype, has_fill_value })
    }

    /// Returns the folder.
    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Returns the file that describes the array.
    pub(super) fn description(&self) -> PathBuf {
        self.folder.join(DESCRIPTION)
    }

    /// Returns the type of the elements.
    pub(super) fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Returns the shape.
    pub(super) fn shape(&self) -> Vec<usize> {
        self.array.shape().iter().map(|size| *size as usize).collect()
    }

    /// Reads all elements as 32-bit floats.
    pub(super) fn read(&self, name: &str) -> Result<Vec<f32>> {
        // zarrs would read missing chunks as zeros.
        if !self.has_fill_value
            && let Some(path) = self.chunks().map(|(_, path)| path).find(|path| !path.is_file())
        {
            return Err(Error::MissingChunk { path, array: name.to_owned() }.into());
        }
        let all = self.array.subset_all();
        let damaged = |error: Box<dyn std::error::Error + Send + Sync>| self.damage(name, error);
        if self.dtype == Dtype::F32 {
            // Without a copy of what may be a large array.
            let values = self.array.retrieve_array_subset::<Vec<f32>>(&all);
            return Ok(values.map_err(|error| damaged(error.into()))?);
        }
        let bytes = self.array.retrieve_array_subset::<ArrayBytes<'static>>(&all);
        let bytes = bytes.map_err(|error| damaged(error.into()))?.into_fixed();
        let bytes = bytes.map_err(|error| damaged(error.into()))?;
        Ok(self.dtype.widen_native(bytes.into_owned()))
    }

    /// Returns the error of the chunk that cannot be decoded, which the error of the whole array
    /// doesn't name.
    fn damage(&self, name: &str, whole: Box<dyn std::error::Error + Send + Sync>) -> Error {
        let (path, source) = self
            .chunks()
            .find_map(|(indices, path)| {
                let chunk = self.array.retrieve_chunk_if_exists::<ArrayBytes<'static>>(&indices);
                chunk.err().map(|error| (path, error.into()))
            })
            .unwrap_or_else(|| (self.folder.clone(), whole));
        Error::DamagedChunk { path, array: name.to_owned(), source }
    }

    /// Returns the indices and the file of every chunk.
    fn chunks(&self) -> impl Iterator<Item = (Vec<u64>, PathBuf)> {
        let grid = ArraySubset::new_with_shape(self.array.chunk_grid_shape().to_vec());
        grid.indices().into_iter().map(|indices| {
            let indices = indices.to_vec();
            let path = self.folder.join(self.array.chunk_key(&indices).as_str());
            (indices, path)
        })
    }
}
