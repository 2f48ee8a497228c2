//! Functions of [`std::fs`] whose errors name the path.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::error::IoError;

/// Result of this module.
type Result<T> = std::result::Result<T, IoError>;

/// Reads a file.
///
/// # Errors
///
/// When it does not exist or cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(IoError::with("read", path))
}

/// Reads a file of UTF-8 text.
///
/// # Errors
///
/// When it does not exist, cannot be read or is not UTF-8.
pub fn read_to_string(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(IoError::with("read", path))
}

/// Reads the first bytes of a file, at most `length` of them.
///
/// # Errors
///
/// When it does not exist or cannot be read.
pub fn read_start(path: &Path, length: u64) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    let read = open(path)?.take(length).read_to_end(&mut start);
    read.map_err(IoError::with("read", path))?;
    Ok(start)
}

/// Opens a file for reading.
///
/// # Errors
///
/// When it does not exist or cannot be opened.
pub fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(IoError::with("read", path))
}

/// Returns the paths of a folder's entries, sorted by name.
///
/// # Errors
///
/// When it does not exist or cannot be read.
pub fn read_dir(dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = IoError::with("read", dir);
    let mut paths = fs::read_dir(dir)
        .map_err(failed)?
        .map(|entry| Ok(entry.map_err(failed)?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort_unstable();
    Ok(paths)
}

/// Creates a folder and its parents, unless they exist.
///
/// # Errors
///
/// When one of them cannot be created.
pub fn create_dir_all(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(IoError::with("create", dir))
}

/// Creates the folder of a file and its parents, unless they exist.
///
/// # Errors
///
/// When one of them cannot be created.
pub fn create_parent(file: &Path) -> Result<()> {
    file.parent().map_or(Ok(()), create_dir_all)
}

/// Removes a file if it exists.
///
/// # Errors
///
/// When it exists and cannot be removed.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(IoError::new("remove", path, source))
        }
        _ => Ok(()),
    }
}

/// Removes a folder and its contents if it exists.
///
/// # Errors
///
/// When it exists and something in it cannot be removed.
pub fn remove_dir_all(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(IoError::new("remove", dir, source))
        }
        _ => Ok(()),
    }
}

/// Renames a file or folder. An error names the new path.
///
/// # Errors
///
/// When the operating system refuses, for instance because the new path is a non-empty folder.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(IoError::with("rename to", to))
}
