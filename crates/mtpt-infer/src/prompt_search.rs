//! Search for prompts below a folder that contains none itself.

use std::path::{Path, PathBuf};

use mtpt_io::fs::read_dir;

use crate::format_error::FormatError;
use crate::peft::config::CONFIG;

/// Number of levels of folders below a given one that are searched.
const DEPTH: usize = 2;

/// Prompt file of a training run.
const PROMPTS: &str = "prompts.safetensors";

/// Returns the error that a folder contains no prompts, with those below it.
pub(crate) fn no_prompts(folder: &Path) -> FormatError {
    let is_model = folder.join("config.json").is_file();
    FormatError::NoPrompts { path: folder.to_owned(), is_model, below: prompts_below(folder) }
}

/// Returns the adapters and prompt files below a folder that contains none itself: the folders of
/// named adapters, and those in the checkpoints of a trainer.
fn prompts_below(folder: &Path) -> Vec<PathBuf> {
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
