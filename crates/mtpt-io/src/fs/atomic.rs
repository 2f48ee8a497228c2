use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::error::IoError;
use super::folder_of::folder_of;
use super::lock::lock_dir;
use super::operations::{create_dir_all, rename};
use super::sync::sync_dir;
use super::temporary::{lock, prefix, temporary_dir};
use super::uninterrupted::uninterrupted;

/// Writes a file atomically: a reader sees the old contents or the new, never a part.
///
/// The bytes go to a temporary file in the same folder and are flushed to disk before the file is
/// renamed. The rename is flushed too, where the file system supports it. After an error, a crash
/// or a power failure the old file is unchanged. A killed process may leave its temporary file
/// behind, which [`remove_temporary_files`](super::remove_temporary_files) removes.
///
/// # Errors
///
/// When the folder is missing or not writable, or the disk is full.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), IoError> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(IoError::with("write", path))?;
    file.commit()
}

/// A file that is written in parts, with the guarantees of [`write_atomic`]: it appears when it is
/// committed, and not at all if it is dropped before.
///
/// Writes are buffered. They return plain errors without the path.
#[derive(Debug)]
pub struct AtomicFile {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl AtomicFile {
    /// Creates the temporary file.
    ///
    /// # Errors
    ///
    /// When the folder is missing or not writable.
    pub fn create(path: &Path) -> Result<Self, IoError> {
        let file = Builder::new().prefix(&prefix(path)).tempfile_in(folder_of(path));
        let file = file.map_err(IoError::with("write", path))?;
        lock(file.as_file());
        Ok(Self { file: BufWriter::new(file), path: path.to_path_buf() })
    }

    /// Flushes the file to disk and gives it its name.
    ///
    /// # Errors
    ///
    /// When the disk is full, or the file cannot be renamed.
    pub fn commit(self) -> Result<(), IoError> {
        let Self { file, path } = self;
        let failed = IoError::with("write", &path);
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        make_readable(file.as_file()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        let (_locked, temporary) = file.keep().map_err(|error| failed(error.error))?;
        if let Err(error) = uninterrupted(|| fs::rename(&temporary, &path)) {
            let _ = fs::remove_file(&temporary);
            return Err(failed(error));
        }
        sync_dir(folder_of(&path))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a new folder atomically: it appears with all of its files or not at all.
///
/// Parents are created. An existing folder is replaced only if it is empty.
///
/// # Errors
///
/// The error of `write`, or when a folder cannot be created or renamed.
pub fn write_dir_atomic<E: From<IoError>>(
    dir: &Path,
    write: impl FnOnce(&DirWriter<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let parent = folder_of(dir);
    create_dir_all(parent)?;
    let temporary = temporary_dir(parent, &prefix(dir), dir)?;
    let _lock = lock_dir(temporary.path())?;
    // A temporary folder is private to its owner, unlike a folder in it.
    let contents = temporary.path().join("contents");
    uninterrupted(|| fs::create_dir(&contents)).map_err(IoError::with("write", dir))?;
    write(&DirWriter { contents: &contents, dir })?;
    sync_dir(&contents)?;
    rename(&contents, dir)?;
    Ok(sync_dir(parent)?)
}

/// Writes the files of a folder that does not exist yet.
#[derive(Debug)]
pub struct DirWriter<'a> {
    /// The temporary folder.
    contents: &'a Path,
    /// The final path of the folder, for messages.
    dir: &'a Path,
}

impl DirWriter<'_> {
    /// Writes a file and flushes it to disk. An error names the final path.
    ///
    /// # Errors
    ///
    /// When the file cannot be written or the disk is full.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), IoError> {
        let write = || {
            let mut file = File::create(self.contents.join(name))?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|source: io::Error| IoError::new("write", self.dir.join(name), source))
    }
}

/// Makes a temporary file, which is private to its owner, readable by everyone.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &File) -> io::Result<()> {
    Ok(())
}
