//! Functions of [`std::fs`] whose errors name the path.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::error::IoError;
use super::folder_of::folder_of;
use super::kind::check_kind;
use super::sync::sync_dir;
use super::uninterrupted::uninterrupted;

/// Maximum number of bytes that are read from a pipe, such as `<(COMMAND)` in place of a
/// configuration. A pipe has no length that could limit it.
const MAX_PIPE: u64 = 64 * 1024 * 1024;

/// Result of this module.
type Result<T> = std::result::Result<T, IoError>;

/// Reads a file.
///
/// # Errors
///
/// As [`open`], and when it cannot be read or is a pipe with more than 64 MiB.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = IoError::with("read", path);
    let mut file = open(path)?;
    let mut bytes = Vec::new();
    if file.metadata().map_err(failed)?.is_file() {
        file.read_to_end(&mut bytes).map_err(failed)?;
    } else {
        file.take(MAX_PIPE + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_PIPE {
            let problem = "expected at most 64 MiB from a pipe; write them to a file";
            return Err(failed(io::Error::new(ErrorKind::InvalidInput, problem)));
        }
    }
    Ok(bytes)
}

/// Reads a file of UTF-8 text.
///
/// # Errors
///
/// As [`read`], and when it is not UTF-8.
pub fn read_to_string(path: &Path) -> Result<String> {
    let not_text = |_| {
        let source = io::Error::new(ErrorKind::InvalidData, "stream did not contain valid UTF-8");
        IoError::new("read", path, source)
    };
    String::from_utf8(read(path)?).map_err(not_text)
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

/// Opens a file or folder for reading.
///
/// # Errors
///
/// When it does not exist, cannot be opened, or is a named pipe, a socket or a device. These have
/// no length, and may have no end or block.
pub fn open(path: &Path) -> Result<File> {
    let failed = IoError::with("read", path);
    check_kind(path).map_err(failed)?;
    File::open(path).map_err(failed)
}

/// Returns the paths of a folder's entries, sorted by name.
///
/// # Errors
///
/// When it does not exist or cannot be read.
pub fn read_dir(dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = IoError::with("read", dir);
    let mut paths = uninterrupted(|| fs::read_dir(dir))
        .map_err(failed)?
        .map(|entry| Ok(entry.map_err(failed)?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort_unstable();
    Ok(paths)
}

/// Creates a folder and its parents, unless they exist, and flushes the new entries to disk.
///
/// # Errors
///
/// When one of them cannot be created.
pub fn create_dir_all(dir: &Path) -> Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<&Path> = dir.ancestors().take_while(is_missing).collect();
    uninterrupted(|| fs::create_dir_all(dir)).map_err(IoError::with("create", dir))?;
    // The folder and the files in it would be lost with their parent's new entry.
    missing.into_iter().try_for_each(|folder| {
        let named = |error: IoError| IoError::new("create", folder, error.source);
        sync_dir(folder_of(folder)).map_err(named)
    })
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
    match uninterrupted(|| fs::remove_file(path)) {
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
    match uninterrupted(|| fs::remove_dir_all(dir)) {
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
    uninterrupted(|| fs::rename(from, to)).map_err(IoError::with("rename to", to))
}
