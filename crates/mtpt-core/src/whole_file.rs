use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// Writes a file so that it appears whole or not at all.
///
/// The bytes go to a temporary file in the same folder, reach the disk, and only then take the name: a reader sees the
/// old file or the new one, and an error or a crash leaves the old one as it was.
///
/// # Errors
///
/// When the folder cannot be written to or the disk is full.
pub fn write_whole_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| Error::File { action: "write", path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    readable_by_all(file.as_file()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Temporary files are made for their owner alone; what takes a name is an ordinary file.
#[cfg(unix)]
fn readable_by_all(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_file: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
