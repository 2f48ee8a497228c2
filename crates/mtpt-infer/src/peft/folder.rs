//! Where adapters and other prompts are in a folder.

use std::path::{Path, PathBuf};

use mtpt_io::fs::read_dir;

use crate::peft::config::CONFIG;
use crate::peft::weights::{PICKLE, SAFETENSORS};

/// Number of levels of folders below a given one that are searched.
const DEPTH: usize = 2;

/// Prompt file of a training run.
const PROMPTS: &str = "prompts.safetensors";

/// Returns the folder of an adapter of any type, given by the folder or one of its files.
pub(crate) fn adapter_folder(path: &Path) -> Option<PathBuf> {
    let is_adapter = |folder: &Path| folder.join(CONFIG).is_file();
    if path.is_dir() {
        return is_adapter(path).then(|| path.to_owned());
    }
    let name = path.file_name()?;
    let folder = match path.parent()? {
        parent if parent.as_os_str().is_empty() => Path::new("."),
        parent => parent,
    };
    let is_file_of_adapter = [CONFIG, SAFETENSORS, PICKLE].iter().any(|known| name == *known);
    (is_file_of_adapter && path.is_file() && is_adapter(folder)).then(|| folder.to_owned())
}

/// Returns the adapters and prompt files below a folder that contains none itself: the folders of
/// named adapters, and those in the checkpoints of a trainer.
pub(crate) fn prompts_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    search(folder, DEPTH, &mut found);
    found
}

fn search(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let file = folder.join(PROMPTS);
    if file.is_file() {
        found.push(file);
    }
    // A folder that can't be read has nothing to suggest.
    for path in read_dir(folder).unwrap_or_default().into_iter().filter(|path| path.is_dir()) {
        if path.join(CONFIG).is_file() {
            found.push(path);
        } else if depth > 1 {
            search(&path, depth - 1, found);
        }
    }
}
