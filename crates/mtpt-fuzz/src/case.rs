use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::input::{Input, write_file};

/// The folder with the files of the current execution, which survives the end of the process.
pub(crate) struct Case {
    folder: PathBuf,
    written: Input,
}

impl Case {
    /// Creates the case of an empty folder.
    pub(crate) fn new(folder: PathBuf) -> io::Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, written: Input::default() })
    }

    /// Replaces the files by those of an input. Files that are equal aren't written again.
    pub(crate) fn write(&mut self, input: &Input) -> io::Result<()> {
        for name in self.written.files.keys().filter(|name| !input.files.contains_key(*name)) {
            fs::remove_file(self.folder.join(name))?;
        }
        for (name, bytes) in &input.files {
            if self.written.files.get(name) != Some(bytes) {
                write_file(&self.folder.join(name), bytes)?;
            }
        }
        self.written.clone_from(input);
        Ok(())
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}
