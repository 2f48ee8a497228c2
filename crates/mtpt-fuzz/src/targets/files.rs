//! Access to the files of a case.

use std::path::{Path, PathBuf};

use mtpt::io::fs::{read_dir, read_to_string};

/// Returns the first file of the folder, for readers of a single file.
pub(super) fn first_file(folder: &Path) -> Option<PathBuf> {
    read_dir(folder).ok()?.into_iter().next()
}

/// Returns the first file of the folder and its text, if it is in UTF-8.
pub(super) fn first_text(folder: &Path) -> Option<(PathBuf, String)> {
    let path = first_file(folder)?;
    let text = read_to_string(&path).ok()?;
    Some((path, text))
}

/// Returns whether a file of the folder contains a JSON object.
pub(super) fn is_json_object(path: &Path) -> bool {
    read_to_string(path)
        .ok()
        .and_then(|text| serde_json::from_str::<serde_json::Map<_, _>>(&text).ok())
        .is_some()
}

/// Returns whether a text is TOML.
pub(super) fn is_toml(text: &str) -> bool {
    toml::from_str::<toml::Table>(text).is_ok()
}
