use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::error::IoError;

/// Length, identity and time of the last change of a file, which is read in several parts.
///
/// They differ after the file has been replaced or written to. Parts of two versions would not fit
/// together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileVersion {
    length: u64,
    modified: Option<SystemTime>,
    number: u64,
}

impl FileVersion {
    /// Returns the version of an open file.
    ///
    /// # Errors
    ///
    /// When the operating system refuses. The error names the path.
    pub fn of(file: &File, path: &Path) -> Result<Self, IoError> {
        Ok(Self::new(&file.metadata().map_err(IoError::with("read", path))?))
    }

    /// Returns the length of the file in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Checks that an open file still has this version.
    ///
    /// # Errors
    ///
    /// When it has another one.
    pub fn check(&self, file: &File, path: &Path) -> Result<(), IoError> {
        self.compare(&Self::of(file, path)?, path)
    }

    /// Checks that the file at a path still has this version.
    ///
    /// # Errors
    ///
    /// When it has another one, or is missing.
    pub fn check_path(&self, path: &Path) -> Result<(), IoError> {
        let metadata = fs::metadata(path).map_err(IoError::with("read", path))?;
        self.compare(&Self::new(&metadata), path)
    }

    fn new(metadata: &Metadata) -> Self {
        let (length, modified) = (metadata.len(), metadata.modified().ok());
        Self { length, modified, number: number(metadata) }
    }

    fn compare(&self, found: &Self, path: &Path) -> Result<(), IoError> {
        if self == found {
            return Ok(());
        }
        let problem = "it was changed while it was being read; try again when it is complete";
        Err(IoError::new("read", path, io::Error::other(problem)))
    }
}

/// Returns the number of the file in its file system.
#[cfg(unix)]
fn number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn number(_metadata: &Metadata) -> u64 {
    0
}
