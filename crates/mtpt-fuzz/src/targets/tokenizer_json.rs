use std::path::Path;

use mtpt::t5::T5Tokenizer;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::{first_file, is_json_object};
use crate::targets::tokenized_texts::tokenize;

/// `tokenizer.json`, and texts.
pub(super) const TARGET: Target = Target {
    name: "tokenizer_json",
    fixtures: &[
        "mtpt-cli/tests/fixtures/data_files/answers/tokenizer.json",
        "mtpt-t5/tests/fixtures/tokenizer/tokenizer.json",
    ],
    read,
    repair: None,
};

fn read(folder: &Path) -> Outcome {
    let Some(path) = first_file(folder) else { return Outcome::not_readable() };
    let tokenizer = match T5Tokenizer::from_tokenizer_json(&path) {
        Ok(tokenizer) => tokenizer,
        Err(error) => return Outcome::failed(is_json_object(&path), &error),
    };
    match tokenize(&tokenizer) {
        Ok(tokens) => Outcome::accepted(format!("2^{} tokens", tokens.max(1).ilog2())),
        Err(error) => Outcome::parsed(&error),
    }
}
