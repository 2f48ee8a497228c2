//! Files and folders that a command writes.

use std::path::{Path, PathBuf};

use crate::args::training::Run;
use crate::error::{Error, Result};

/// Returns whether two paths lead to the same existing file or folder.
pub(crate) fn is_same_file(first: &Path, second: &Path) -> bool {
    let [first, second] = [first, second].map(Path::canonicalize);
    matches!((first, second), (Ok(first), Ok(second)) if first == second)
}

/// Returns the run folder.
///
/// # Errors
///
/// [`Error::Occupied`] if the run would overwrite a model or its own configuration.
pub(crate) fn run_dir(arguments: &Run) -> Result<PathBuf> {
    let default = || Path::new("runs").join(arguments.config.file_stem().unwrap_or_default());
    let path = arguments.output.clone().unwrap_or_else(default);
    if path.join("config.json").is_file() {
        return Err(Error::Occupied { path, by: "a model" });
    }
    // A run may be resumed with the configuration that it wrote itself.
    if !arguments.resume && is_same_file(&path.join("config.toml"), &arguments.config) {
        return Err(Error::Occupied { path, by: "the configuration itself" });
    }
    Ok(path)
}
