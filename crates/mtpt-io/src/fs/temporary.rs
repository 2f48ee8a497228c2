use std::ffi::OsStr;
use std::path::Path;

use super::error::IoError;
use super::operations::{read_dir, remove_file};

/// Separates the name of a file from the random part of its temporary file's name.
const SEPARATOR: &str = ".writing-";

/// Removes the temporary files of a file that killed processes left behind.
///
/// Only for a file that one process writes at a time: another process's temporary file is removed
/// as well.
///
/// # Errors
///
/// When the folder cannot be read or a temporary file cannot be removed.
pub fn remove_temporary_files(path: &Path) -> Result<(), IoError> {
    let prefix = prefix(path);
    read_dir(parent(path))?
        .iter()
        .filter(|entry| {
            entry.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(&prefix))
        })
        .try_for_each(|entry| remove_file(entry))
}

/// Returns the start of the names of a path's temporary files.
pub(super) fn prefix(path: &Path) -> String {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    format!(".{name}{SEPARATOR}")
}

/// Returns the folder that a path is in.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
