use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mtpt_io::fs::{create_parent, remove_all_temporary_files, write_atomic};

use crate::error::Result;

/// Files of exported prompts that are ready to be written.
///
/// Readers recognize an export by its last file, so they never see an incomplete one.
#[derive(Clone, Debug)]
pub struct PromptFiles {
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl PromptFiles {
    pub(crate) fn new(files: Vec<(PathBuf, Vec<u8>)>) -> Self {
        Self { files }
    }

    /// Returns the paths to write to.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    /// Writes each file atomically, replacing existing ones, and creates missing folders.
    ///
    /// # Errors
    ///
    /// When a folder cannot be created or a file cannot be written.
    pub fn write(&self) -> Result<()> {
        let folders = self.paths().filter_map(Path::parent).collect::<BTreeSet<_>>();
        for folder in folders {
            remove_all_temporary_files(folder)?;
        }
        for (path, bytes) in &self.files {
            create_parent(path)?;
            write_atomic(path, bytes)?;
        }
        Ok(())
    }
}
