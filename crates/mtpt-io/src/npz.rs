//! Archives of arrays in numpy's `.npz` format.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use zip::ZipArchive;

use crate::error::{Result, TensorError, listed};
use crate::expansion::largest_size;
use crate::fs::{self, IoError};

const ARRAY: &str = ".npy";

/// Returns whether a zip archive contains an array.
pub(crate) fn is_npz(path: &Path) -> bool {
    let archive = fs::open(path).ok().and_then(|file| ZipArchive::new(file).ok());
    archive.is_some_and(|archive| names(&archive).any(|name| name.ends_with(ARRAY)))
}

/// Returns the names of an archive's entries.
fn names<R: Read + Seek>(archive: &ZipArchive<R>) -> impl Iterator<Item = String> {
    archive.file_names().flatten().map(|name| name.into_owned())
}

/// Reads the contents of the only array of an archive, as those of a `.npy` file.
///
/// # Errors
///
/// [`TensorError::Npy`], which names the path, when the archive is damaged or has any other number
/// of arrays.
pub(crate) fn only_array(archive: &[u8], path: &Path) -> Result<Vec<u8>> {
    let malformed = |problem: String| TensorError::Npy { path: path.to_owned(), problem };
    let damaged = || malformed("its zip archive is truncated or damaged".to_owned());
    let length = archive.len() as u64;
    let mut archive = ZipArchive::new(Cursor::new(archive)).map_err(|_| damaged())?;
    let mut names: Vec<String> = names(&archive).collect();
    names.sort_unstable();
    let arrays: Vec<String> = names.iter().filter(|name| name.ends_with(ARRAY)).cloned().collect();
    let [array] = arrays.as_slice() else {
        let found = if arrays.is_empty() { &names } else { &arrays };
        return Err(malformed(format!(
            "expected a zip archive with one array, found {}; save one array with `numpy.save`",
            listed(found)
        )));
    };
    let mut bytes = Vec::new();
    let entry = archive.by_name(array).map_err(|_| damaged())?;
    let limit = largest_size(length);
    entry.take(limit + 1).read_to_end(&mut bytes).map_err(|source| match source.kind() {
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => damaged(),
        _ => IoError::new("read", path, source).into(),
    })?;
    if bytes.len() as u64 > limit {
        return Err(malformed(format!(
            "`{array}` expands to more than {limit} bytes, from an archive of {length}; unpack it"
        )));
    }
    Ok(bytes)
}
