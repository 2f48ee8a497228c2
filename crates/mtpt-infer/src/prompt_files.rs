use std::path::{Path, PathBuf};

use mtpt_io::fs::{create_parent, write_atomic};

use crate::error::Result;

/// Files of prompts in the format of another program, made and not yet written.
///
/// The last of them is the one by which the others are found, so that a reader never meets half of them.
#[derive(Clone, Debug)]
pub struct PromptFiles {
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl PromptFiles {
    pub(crate) fn new(files: Vec<(PathBuf, Vec<u8>)>) -> Self {
        Self { files }
    }

    /// Where they will be.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    /// Writes each of them whole or not at all, over what is there; folders are made.
    ///
    /// # Errors
    ///
    /// When a folder cannot be made or a file cannot be written.
    pub fn write(&self) -> Result<()> {
        for (path, bytes) in &self.files {
            create_parent(path)?;
            write_atomic(path, bytes)?;
        }
        Ok(())
    }
}
