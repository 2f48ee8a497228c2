use std::fs;
use std::path::{Path, PathBuf};

use mtpt::infer::prompt_file;
use mtpt::io::fs::read;
use serde_json::{Value, json};

use crate::args::inference::PromptedRows;
use crate::fields::Fields;

/// Returns everything that determines the answers to rows. `own` has the options of the command
/// alone.
///
/// An interrupted job is continued with the same settings only.
pub(crate) fn settings(command: &str, arguments: &PromptedRows, own: (&str, Value)) -> Fields {
    let prompts = arguments
        .prompts
        .as_deref()
        .map(|path| format!("{} with checksum {:08x}", path.display(), checksum(path)));
    // A path may be other than UTF-8.
    let model = arguments.model.as_deref().map(Path::to_string_lossy);
    let settings = [
        ("command", json!(command)),
        ("model", json!(model)),
        ("prompts", json!(prompts)),
        ("task", json!(arguments.task)),
        ("no-decoder-prompt", json!(arguments.no_decoder_prompt)),
        ("max-input-length", json!(arguments.max_input_length)),
        own,
    ];
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns a checksum of a file of prompts, or of the files of a folder. Files that can't be read
/// don't count: they are an error later.
fn checksum(path: &Path) -> u32 {
    let path = prompt_file(path);
    let mut files: Vec<PathBuf> = match fs::read_dir(&path) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => vec![path.into_owned()],
    };
    files.sort();
    let mut hasher = crc32fast::Hasher::new();
    for bytes in files.iter().filter_map(|file| read(file).ok()) {
        hasher.update(&bytes);
    }
    hasher.finalize()
}
