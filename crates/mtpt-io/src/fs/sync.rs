use std::path::Path;

use super::error::IoError;

/// Flushes a folder's entries to disk, as `File::sync_all` does for a file's contents.
///
/// Until then a power failure may undo the creation, renaming or removal of entries. Does nothing
/// on Windows, which flushes entries on its own, and on file systems that don't support the
/// request.
///
/// # Errors
///
/// When the folder does not exist or the disk fails.
pub fn sync_dir(dir: &Path) -> Result<(), IoError> {
    #[cfg(unix)]
    if let Err(source) = std::fs::File::open(dir).and_then(|dir| dir.sync_all()) {
        use std::io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
        // Some network file systems have no such request for folders, and some folders are writable
        // but not readable.
        if ![InvalidInput, PermissionDenied, Unsupported].contains(&source.kind()) {
            return Err(IoError::new("write", dir, source));
        }
    }
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}
