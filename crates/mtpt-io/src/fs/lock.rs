use std::fs::{File, TryLockError};
use std::path::Path;

use super::error::IoError;
use super::operations::open;

/// An exclusive lock on a folder, released when it is dropped or its process ends.
#[derive(Debug)]
pub struct DirLock {
    /// Holds the lock; `None` where folders cannot be locked.
    _dir: Option<File>,
}

/// Locks a folder for this process, or returns `None` if another process has locked it.
///
/// Without effect where folders cannot be locked: on Windows and on some network file systems.
///
/// # Errors
///
/// When the folder does not exist or cannot be opened.
pub fn lock_dir(dir: &Path) -> Result<Option<DirLock>, IoError> {
    if !cfg!(unix) {
        return Ok(Some(DirLock { _dir: None }));
    }
    let file = open(dir)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(DirLock { _dir: Some(file) })),
    }
}
