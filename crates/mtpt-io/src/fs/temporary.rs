use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use tempfile::{Builder, TempDir};

use super::error::IoError;
use super::folder_of::folder_of;
use super::operations::{read_dir, remove_dir_all, remove_file};
use super::uninterrupted::uninterrupted;

/// Separates the name of a file from the random part of its temporary file's name.
const SEPARATOR: &str = ".writing-";

/// Removes the temporary files and folders of a path that killed processes left behind.
///
/// Those that another process is writing stay, and all of them where files cannot be locked.
///
/// # Errors
///
/// When the folder cannot be read or a temporary file cannot be removed.
pub fn remove_temporary_files(path: &Path) -> Result<(), IoError> {
    let prefix = prefix(path);
    remove_abandoned(folder_of(path), |name| name.starts_with(&prefix))
}

/// Removes the temporary files and folders of all paths in a folder, as
/// [`remove_temporary_files`] does for one path.
///
/// # Errors
///
/// When the folder cannot be read or a temporary file cannot be removed.
pub fn remove_all_temporary_files(dir: &Path) -> Result<(), IoError> {
    remove_abandoned(dir, |name| name.starts_with('.') && name.contains(SEPARATOR))
}

fn remove_abandoned(dir: &Path, is_temporary: impl Fn(&str) -> bool) -> Result<(), IoError> {
    let paths = match read_dir(dir) {
        // Some folders are writable but not readable.
        Err(error)
            if matches!(error.source.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) =>
        {
            return Ok(());
        }
        paths => paths?,
    };
    for path in paths {
        let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        if !is_temporary(&name) {
            continue;
        }
        // Otherwise another process has removed it or given it its name.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let is_abandoned = || File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
        if metadata.is_dir() && is_abandoned() {
            remove_dir_all(&path)?;
        } else if metadata.is_file() && is_abandoned() {
            remove_file(&path)?;
        }
    }
    Ok(())
}

/// Marks a temporary file or folder as being written, until it is closed. Without effect where
/// files cannot be locked.
pub(super) fn lock(file: &File) {
    if cfg!(unix) {
        let _ = file.try_lock();
    }
}

/// Creates a temporary folder, which is removed when it is dropped.
///
/// # Errors
///
/// When it cannot be created. The error names the final path.
pub fn temporary_dir(dir: &Path, prefix: &str, final_path: &Path) -> Result<TempDir, IoError> {
    let create = || Builder::new().prefix(prefix).tempdir_in(dir);
    uninterrupted(create).map_err(IoError::with("write", final_path))
}

/// Returns the start of the names of a path's temporary files.
pub(super) fn prefix(path: &Path) -> String {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    format!(".{name}{SEPARATOR}")
}
