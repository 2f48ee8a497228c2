//! Prompts of training runs: the file in the folder of a run, and search below a folder without
//! prompts.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use mtpt_io::fs::read_dir;

use crate::format_error::FormatError;
use crate::peft::config::CONFIG;

/// Number of levels of folders below a given one that are searched.
const DEPTH: usize = 3;

/// Prompt file of a training run.
const PROMPTS: &str = "prompts.safetensors";

/// Folder of the checkpoints of a training run.
const CHECKPOINTS: &str = "checkpoints";

/// A file that every checkpoint of a training run contains.
const CHECKPOINT_STATE: &str = "state.json";

/// Returns the path of a prompt file: the best prompts so far for the folder of a run, otherwise
/// the path itself.
pub fn prompt_file(path: &Path) -> Cow<'_, Path> {
    let file = path.join(PROMPTS);
    if file.is_file() { file.into() } else { path.into() }
}

/// Returns the error that a path is part of the checkpoints of a run: their folder, one of them, or
/// a file in it. These continue the run, and are not prompt files.
pub(crate) fn check_checkpoint(path: &Path) -> Result<(), FormatError> {
    let is_relative = |part| matches!(part, Component::CurDir | Component::ParentDir);
    let absolute = match path.components().next_back() {
        Some(last) if !is_relative(last) => None,
        _ => path.canonicalize().ok(),
    };
    let mut folder = absolute.as_deref().unwrap_or(path);
    if folder.is_file() {
        folder = folder.parent().unwrap_or(Path::new(""));
    }
    let is_checkpoint = folder.join(CHECKPOINT_STATE).is_file();
    if is_checkpoint {
        folder = folder.parent().unwrap_or(Path::new(""));
    }
    // Other programs have folders of this name, too.
    if folder.file_name() != Some(CHECKPOINTS.as_ref())
        || (!is_checkpoint && (path.is_file() || !contains_checkpoint(folder)))
    {
        return Ok(());
    }
    let run = folder.parent().filter(|run| !run.as_os_str().is_empty());
    let run = run.unwrap_or(Path::new(".")).to_owned();
    let has_prompts = run.join(PROMPTS).is_file();
    Err(FormatError::Checkpoint { path: path.to_owned(), run, has_prompts })
}

fn contains_checkpoint(folder: &Path) -> bool {
    let entries = read_dir(folder).unwrap_or_default();
    entries.iter().any(|entry| entry.join(CHECKPOINT_STATE).is_file())
}

/// Returns the error that a folder contains no prompts, with those below it.
pub(crate) fn no_prompts(folder: &Path) -> FormatError {
    let below = prompts_below(folder);
    let is_run = ["config.toml", "metrics.jsonl"].iter().all(|name| folder.join(name).is_file());
    if is_run && below.is_empty() {
        return FormatError::NoPromptsYet { path: folder.to_owned() };
    }
    let is_model = folder.join("config.json").is_file();
    FormatError::NoPrompts { path: folder.to_owned(), is_model, below }
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
