//! Names of the files of a model folder.

use std::path::{Path, PathBuf};

/// The configuration.
pub(crate) const CONFIG_FILE: &str = "config.json";
/// Settings of text generation.
pub(crate) const GENERATION_CONFIG_FILE: &str = "generation_config.json";
/// The weights, as this crate writes them.
pub(crate) const WEIGHTS_FILE: &str = "model.safetensors";
/// The tokenizer. It takes precedence over [`SENTENCE_PIECE_FILE`].
pub(crate) const TOKENIZER_FILE: &str = "tokenizer.json";
/// The tokenizer's SentencePiece model.
pub(crate) const SENTENCE_PIECE_FILE: &str = "spiece.model";

/// Files of the tokenizer and of generation that a transformers folder may have next to the model.
pub(crate) const COMPANION_FILES: [&str; 6] = [
    TOKENIZER_FILE,
    SENTENCE_PIECE_FILE,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    GENERATION_CONFIG_FILE,
];

/// Returns the folder of a model's tokenizer.
///
/// This is the model's own folder, or the parent of a T5X checkpoint that has no tokenizer itself.
pub(crate) fn tokenizer_dir(folder: &Path) -> PathBuf {
    #[cfg(feature = "t5x")]
    {
        let has_tokenizer = |folder: &Path| {
            [TOKENIZER_FILE, SENTENCE_PIECE_FILE].iter().any(|name| folder.join(name).is_file())
        };
        if !has_tokenizer(folder)
            && let Some(parent) = t5x_parent(folder)
            && has_tokenizer(&parent)
        {
            return parent;
        }
    }
    folder.to_owned()
}

/// Returns the folder of all steps, for the folder of one step of a T5X checkpoint.
#[cfg(feature = "t5x")]
pub(crate) fn t5x_parent(folder: &Path) -> Option<PathBuf> {
    if !mtpt_io::t5x::Checkpoint::is_at(folder) {
        return None;
    }
    folder.canonicalize().ok()?.parent().map(Path::to_owned)
}
