use std::path::{Path, PathBuf};

use crate::format_error::FormatError;
use crate::peft::config::CONFIG;
use crate::peft::weights::{PICKLE, SAFETENSORS};

/// Returns the folder of an adapter of any type, given by the folder or one of its files.
pub(crate) fn adapter_folder(path: &Path) -> Option<PathBuf> {
    let is_adapter = |folder: &Path| folder.join(CONFIG).is_file();
    if path.is_dir() {
        return is_adapter(path).then(|| path.to_owned());
    }
    let folder = folder_of_file(path, &[CONFIG, SAFETENSORS, PICKLE])?;
    is_adapter(folder).then(|| folder.to_owned())
}

/// Rejects the weights of an adapter, given by the folder or the file, without its configuration.
pub(crate) fn check_config(path: &Path) -> Result<(), FormatError> {
    let weights = [SAFETENSORS, PICKLE];
    let folder = if path.is_dir() {
        weights.iter().any(|name| path.join(name).is_file()).then_some(path)
    } else {
        folder_of_file(path, &weights)
    };
    match folder {
        Some(folder) if !folder.join(CONFIG).is_file() => {
            Err(FormatError::NoAdapterConfig { path: folder.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Returns the folder of a file with one of the given names.
fn folder_of_file<'a>(path: &'a Path, names: &[&str]) -> Option<&'a Path> {
    let name = path.file_name()?;
    let folder = match path.parent()? {
        parent if parent.as_os_str().is_empty() => Path::new("."),
        parent => parent,
    };
    (names.iter().any(|known| name == *known) && path.is_file()).then_some(folder)
}
