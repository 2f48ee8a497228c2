use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::{bf16, f16};
use serde_json::Value;
use zarrs::array::{Array as ZarrArray, ArrayBytes, ArraySubset, ElementOwned};
use zarrs::filesystem::FilesystemStore;
use zarrs::metadata::ArrayMetadata;
use zarrs::metadata::v2::ArrayMetadataV2;

use super::number_type::NumberType;
use super::{Error, Result};
use crate::fs;

/// The file of a zarr folder that says what is in it.
const DESCRIPTION: &str = ".zarray";

/// An array in zarr's second format, one file a chunk.
pub(super) struct ZarrFolder {
    folder: PathBuf,
    array: ZarrArray<FilesystemStore>,
    number_type: NumberType,
    /// Whether a chunk that is not there stands for a value.
    has_fill_value: bool,
}

impl ZarrFolder {
    /// Reads the description of an array, and no number of it.
    ///
    /// `bf16_as_bits` is for checkpoints that keep the bits of bfloat16 as unsigned integers.
    pub(super) fn open(folder: PathBuf, name: &str, bf16_as_bits: bool) -> Result<Self> {
        let path = folder.join(DESCRIPTION);
        if !path.is_file() {
            return Err(Error::MissingFolder { folder, array: name.to_owned() });
        }
        let text = fs::read(&path)?;
        let refused = |source: Box<dyn std::error::Error + Send + Sync>| Error::Description {
            path: path.clone(),
            array: name.to_owned(),
            source,
        };
        let mut description: Value =
            serde_json::from_slice(&text).map_err(|error| refused(error.into()))?;
        let dtype = description.get("dtype").cloned().unwrap_or_default();
        let unknown = || Error::NumberType {
            path: path.clone(),
            array: name.to_owned(),
            found: dtype.as_str().map_or_else(|| dtype.to_string(), str::to_owned),
        };
        let mut number_type = match &dtype {
            Value::Null => return Err(refused("it has no `dtype`".into())),
            Value::String(dtype) => NumberType::of_zarr(dtype).ok_or_else(unknown)?,
            _ => return Err(unknown()),
        };
        if number_type == NumberType::Bf16 {
            // TensorStore's own addition to the format, which zarrs does not know in it: two bytes, the lower first.
            description["dtype"] = Value::from("<u2");
        } else if number_type == NumberType::U16 && bf16_as_bits {
            number_type = NumberType::Bf16;
        }
        let has_fill_value = description.get("fill_value").is_some_and(|value| !value.is_null());
        if has_fill_value && number_type == NumberType::Bf16 {
            return Err(refused("a fill value for `bfloat16` is not read".into()));
        }
        let metadata: ArrayMetadataV2 =
            serde_json::from_value(description).map_err(|error| refused(error.into()))?;
        let store = FilesystemStore::new(&folder).map_err(|error| refused(error.into()))?;
        let array = ZarrArray::new_with_metadata(Arc::new(store), "/", ArrayMetadata::V2(metadata))
            .map_err(|error| refused(error.into()))?;
        Ok(Self { folder, array, number_type, has_fill_value })
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// The file that describes it.
    pub(super) fn description(&self) -> PathBuf {
        self.folder.join(DESCRIPTION)
    }

    pub(super) fn shape(&self) -> Vec<usize> {
        self.array.shape().iter().map(|size| *size as usize).collect()
    }

    /// All numbers in single precision.
    pub(super) fn read(&self, name: &str) -> Result<Vec<f32>> {
        // zarrs would take zeros for chunks that are not there.
        if !self.has_fill_value
            && let Some(path) = self.chunks().map(|(_, path)| path).find(|path| !path.is_file())
        {
            return Err(Error::MissingChunk { path, array: name.to_owned() });
        }
        match self.number_type {
            NumberType::F64 => self.numbers(name, |number: f64| number as f32),
            NumberType::F32 => self.numbers(name, |number: f32| number),
            NumberType::F16 => self.numbers(name, f16::to_f32),
            NumberType::Bf16 => self.numbers(name, |bits: u16| bf16::from_bits(bits).to_f32()),
            NumberType::I64 => self.numbers(name, |number: i64| number as f32),
            NumberType::I32 => self.numbers(name, |number: i32| number as f32),
            NumberType::I16 => self.numbers(name, |number: i16| f32::from(number)),
            NumberType::I8 => self.numbers(name, |number: i8| f32::from(number)),
            NumberType::U64 => self.numbers(name, |number: u64| number as f32),
            NumberType::U32 => self.numbers(name, |number: u32| number as f32),
            NumberType::U16 => self.numbers(name, |number: u16| f32::from(number)),
            NumberType::U8 => self.numbers(name, |number: u8| f32::from(number)),
            NumberType::Bool => self.numbers(name, |truth: bool| f32::from(u8::from(truth))),
        }
    }

    fn numbers<T: ElementOwned>(&self, name: &str, widen: impl Fn(T) -> f32) -> Result<Vec<f32>> {
        let numbers = self
            .array
            .retrieve_array_subset::<Vec<T>>(&self.array.subset_all())
            .map_err(|error| self.damage(name, error.into()))?;
        Ok(numbers.into_iter().map(widen).collect())
    }

    /// Which chunk it is that cannot be decoded: the whole was asked for, and its error names none.
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

    /// Indices and file of every chunk.
    fn chunks(&self) -> impl Iterator<Item = (Vec<u64>, PathBuf)> {
        let grid = ArraySubset::new_with_shape(self.array.chunk_grid_shape().to_vec());
        grid.indices().into_iter().map(|indices| {
            let indices = indices.to_vec();
            let path = self.folder.join(self.array.chunk_key(&indices).as_str());
            (indices, path)
        })
    }
}
