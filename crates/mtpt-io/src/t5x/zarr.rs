use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use rayon::prelude::*;

use super::error::{EXPECTED_DTYPE, Error};
use super::zarr_description::{Description, FILE};
use crate::dtype::Dtype;
use crate::error::{Result, TensorError};
use crate::expansion::largest_size;
use crate::fs;
use crate::layout::unravel_index;

/// An array in zarr's second format, with one file for each chunk.
///
/// Chunks are as TensorStore writes them for T5X: in row-major order, plain or compressed by gzip.
pub(super) struct ZarrArray {
    folder: PathBuf,
    description: Description,
    /// The chunks that have a file.
    chunks: Vec<Chunk>,
}

/// A file of a part of the array.
struct Chunk {
    path: PathBuf,
    /// Position among the chunks along each axis.
    position: Vec<usize>,
    /// Size of the file.
    stored: u64,
}

impl ZarrArray {
    /// Reads the description of an array and lists its chunks, but reads none of its elements.
    ///
    /// `bf16_as_bits` is for checkpoints that store the bits of bfloat16 as unsigned integers.
    pub(super) fn open(folder: PathBuf, name: &str, bf16_as_bits: bool) -> Result<Self> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Err(Error::MissingFolder { folder, array: name.to_owned() }.into());
        }
        let text = fs::read(&path)?;
        let malformed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Description {
            path: path.clone(),
            array: name.to_owned(),
            source,
        };
        let mut description = Description::parse(&text).map_err(malformed)?.map_err(|found| {
            let (path, tensor) = (path.clone(), Some(name.to_owned()));
            TensorError::Dtype { path, tensor, expected: EXPECTED_DTYPE, found }
        })?;
        if description.dtype == Dtype::U16 && bf16_as_bits {
            description.read_as_bf16();
        }
        let mut chunks = Vec::new();
        for path in fs::read_dir(&folder)? {
            let Some(position) = description.position(&path) else { continue };
            let stored = path.metadata().map_err(fs::IoError::with("read", &path))?.len();
            chunks.push(Chunk { path, position, stored });
        }
        Ok(Self { folder, description, chunks })
    }

    /// Returns the folder.
    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Returns the file that describes the array.
    pub(super) fn description(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Returns the type of the elements.
    pub(super) fn dtype(&self) -> Dtype {
        self.description.dtype
    }

    /// Returns the shape.
    pub(super) fn shape(&self) -> Vec<usize> {
        self.description.shape.clone()
    }

    /// Returns the size of all chunks' files.
    pub(super) fn stored(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.stored).sum()
    }

    /// Reads all elements as 32-bit floats. The caller has compared their number with the size of
    /// the files.
    pub(super) fn read(&self, name: &str) -> Result<Vec<f32>> {
        let Description { fill_value, .. } = self.description;
        if fill_value.is_none()
            && let Some(path) = self.missing_chunk()
        {
            return Err(Error::MissingChunk { path, array: name.to_owned() }.into());
        }
        let mut values = vec![fill_value.unwrap_or_default(); self.description.len()];
        // Chunks that are decoded at once have the size of the array and one chunk.
        let at_once = 1 + self.description.len() / self.description.chunk_len();
        for chunks in self.chunks.chunks(at_once.min(rayon::current_num_threads())) {
            let decoded = chunks.par_iter().map(|chunk| self.decode(chunk, name));
            for (chunk, decoded) in chunks.iter().zip(decoded.collect::<Vec<_>>()) {
                self.insert(chunk, &decoded?, &mut values);
            }
        }
        Ok(values)
    }

    /// Returns the path of the first chunk without a file.
    fn missing_chunk(&self) -> Option<PathBuf> {
        let grid = self.description.grid();
        let count: usize = grid.iter().product();
        if count == self.chunks.len() {
            return None;
        }
        let found: HashSet<&[usize]> =
            self.chunks.iter().map(|chunk| chunk.position.as_slice()).collect();
        // At least one of this many is missing, however many chunks the description claims.
        (0..count.min(self.chunks.len() + 1))
            .map(|index| unravel_index(index, &grid))
            .find(|position| !found.contains(position.as_slice()))
            .map(|position| self.folder.join(self.description.key(&position)))
    }

    /// Reads a chunk.
    fn decode(&self, chunk: &Chunk, name: &str) -> Result<Vec<f32>> {
        let Chunk { path, stored, .. } = chunk;
        let damaged = |source: Box<dyn std::error::Error + Send + Sync>| {
            TensorError::from(Error::DamagedChunk {
                path: path.clone(),
                array: name.to_owned(),
                source,
            })
        };
        let expected = self.description.chunk_bytes as u64;
        let is_compressed = self.description.is_compressed;
        if is_compressed && expected > largest_size(*stored)
            || !is_compressed && expected != *stored
        {
            let found = format!("expected {expected} bytes, from a file of {stored}");
            return Err(damaged(found.into()));
        }
        let file = fs::read(path)?;
        let bytes = if is_compressed {
            let mut bytes = Vec::with_capacity(self.description.chunk_bytes);
            // One byte more than expected, so that longer chunks and damaged ends are noticed.
            let decoder = GzDecoder::new(file.as_slice());
            let read = decoder.take(expected + 1).read_to_end(&mut bytes);
            read.map_err(|error| damaged(error.into()))?;
            bytes
        } else {
            file
        };
        if bytes.len() as u64 != expected {
            let found = format!("expected {expected} bytes, found {}", bytes.len());
            return Err(damaged(found.into()));
        }
        Ok(self.description.widen(bytes))
    }

    /// Copies the elements of a chunk to those of the array. Chunks at the end of an axis may
    /// extend beyond it.
    fn insert(&self, chunk: &Chunk, elements: &[f32], values: &mut [f32]) {
        let Description { shape, chunks: size, .. } = &self.description;
        let Some(last) = shape.len().checked_sub(1) else {
            values.copy_from_slice(elements);
            return;
        };
        let starts: Vec<usize> =
            chunk.position.iter().zip(size).map(|(position, size)| position * size).collect();
        let extent: Vec<usize> =
            (0..shape.len()).map(|axis| size[axis].min(shape[axis] - starts[axis])).collect();
        let rows: usize = extent[..last].iter().product();
        for row in 0..rows {
            let index = unravel_index(row, &extent[..last]);
            let (mut from, mut to) = (0, 0);
            for (axis, position) in index.into_iter().chain([0]).enumerate() {
                from = from * size[axis] + position;
                to = to * shape[axis] + starts[axis] + position;
            }
            values[to..][..extent[last]].copy_from_slice(&elements[from..][..extent[last]]);
        }
    }
}
