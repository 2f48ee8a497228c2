use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use tempfile::Builder;

use crate::{Error, Result};

/// Between the name of a file and what makes that of its draft unlike others.
const DRAFT: &str = ".writing-";

/// Writes a file so that it appears whole or not at all.
///
/// The bytes go to a temporary file in the same folder, reach the disk, and only then take the name, which reaches the disk,
/// too, where folders can be told to (Unix): a reader sees the old file or the new one, and an error, a crash or a power cut
/// leaves the old one as it was. The temporary file of a process that was killed stays: see [`remove_drafts`].
///
/// # Errors
///
/// When the folder cannot be written to or the disk is full.
pub fn write_whole_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| Error::File { action: "write", path: path.to_owned(), source };
    let folder = folder_of(path);
    let mut file = Builder::new().prefix(&draft_of(path)).tempfile_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    readable_by_all(file.as_file()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    sync_folder(folder).map_err(failed)
}

/// Removes what processes that were killed left of a file: the drafts that [`write_whole_file`] never gave its name.
///
/// For files that one process writes at a time: what another one is writing would be gone as well.
///
/// # Errors
///
/// When the folder cannot be read, or a draft not be removed.
pub fn remove_drafts(path: &Path) -> Result<()> {
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { action, path, source }
    };
    let (folder, draft) = (folder_of(path), draft_of(path));
    for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
        let entry = entry.map_err(failed("read", folder))?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&draft)) {
            fs::remove_file(entry.path()).map_err(failed("remove", &entry.path()))?;
        }
    }
    Ok(())
}

/// Makes the names in a folder reach the disk, as its files do by `File::sync_all`: until then a power cut may undo that a
/// file or folder was made, named otherwise or removed there. Windows keeps names by itself; there it does nothing.
///
/// # Errors
///
/// When the folder cannot be opened or the disk fails.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
        // Some network file systems know no such request for a folder, and some folders may be written to and not be read:
        // there names are kept as well as they can be.
        if ![InvalidInput, PermissionDenied, Unsupported].contains(&error.kind()) {
            return Err(error);
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// How the names of a file's drafts begin.
fn draft_of(path: &Path) -> String {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    format!(".{name}{DRAFT}")
}

/// Temporary files are made for their owner alone; what takes a name is an ordinary file.
#[cfg(unix)]
fn readable_by_all(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_file: &File) -> io::Result<()> {
    Ok(())
}
