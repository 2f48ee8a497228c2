use std::path::Path;

use mtpt::io::fs::read_dir;
use mtpt::t5::{T5Config, T5Tokenizer};

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::is_json_object;
use crate::targets::tokenized_texts::tokenize;

/// Tokenizers of several files: `tokenizer_config.json`, `special_tokens_map.json` and
/// `added_tokens.json` next to a `tokenizer.json` or `spiece.model`, or alone for ByT5.
pub(super) const TARGET: Target =
    Target { name: "tokenizer_folder", fixtures: &[], read, repair: None };

fn read(folder: &Path) -> Outcome {
    match T5Tokenizer::load(folder, &T5Config::small()) {
        Err(error) => {
            let files = read_dir(folder).unwrap_or_default();
            let mut json =
                files.iter().filter(|path| path.extension().is_some_and(|it| it == "json"));
            Outcome::failed(json.all(|path| is_json_object(path)), &error)
        }
        Ok(tokenizer) => match tokenize(&tokenizer) {
            Ok(tokens) => Outcome::accepted(format!("2^{} tokens", tokens.max(1).ilog2())),
            Err(error) => Outcome::parsed(&error),
        },
    }
}
