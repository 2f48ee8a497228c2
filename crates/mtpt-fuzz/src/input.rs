//! Files that a target reads.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Files of one execution by their path relative to the folder of the case, with `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The files.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Input {
    /// Reads a file, or all files of a folder.
    ///
    /// # Errors
    ///
    /// When a file or folder can't be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut input = Self::default();
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            input.files.insert(name, fs::read(path)?);
        } else {
            input.add_folder(path, "")?;
        }
        Ok(input)
    }

    fn add_folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                self.add_folder(&entry.path(), &format!("{name}/"))?;
            } else {
                self.files.insert(name, fs::read(entry.path())?);
            }
        }
        Ok(())
    }

    /// Writes all files into a folder.
    ///
    /// # Errors
    ///
    /// When a file can't be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        self.files.iter().try_for_each(|(name, bytes)| write_file(&folder.join(name), bytes))
    }

    /// Returns the number of bytes of all files.
    pub fn size(&self) -> usize {
        self.files.values().map(Vec::len).sum()
    }
}

/// Writes a file and the folders that it is in.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::write(path, bytes) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, bytes)
        }
        result => result,
    }
}
