use std::path::Path;

use mtpt::t5::{SentencePieceError, T5Tokenizer};

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_file;
use crate::targets::tokenized_texts::tokenize;

/// `spiece.model`, and texts.
pub(super) const TARGET: Target = Target {
    name: "sentence_piece",
    fixtures: &[
        "mtpt-t5/tests/fixtures/tokenizers/bpe/spiece.model",
        "mtpt-t5/tests/fixtures/tokenizers/bpe_bytes/spiece.model",
        "mtpt-t5/tests/fixtures/tokenizers/unigram/spiece.model",
        "mtpt-t5/tests/fixtures/tokenizers/unigram_bytes/spiece.model",
        "mtpt-t5/tests/fixtures/tokenizers/unigram_identity/spiece.model",
        "mtpt-t5/tests/fixtures/tokenizers/unigram_suffix/spiece.model",
        "mtpt-t5/tests/fixtures/tokenizers/unigram_unescaped/spiece.model",
    ],
    read,
    repair: None,
};

fn read(folder: &Path) -> Outcome {
    let Some(path) = first_file(folder) else { return Outcome::not_readable() };
    let tokenizer = match T5Tokenizer::from_sentence_piece(&path) {
        Ok(tokenizer) => tokenizer,
        Err(error) => {
            let no_model = SentencePieceError::NoModel.to_string();
            let mut source = std::error::Error::source(&error);
            let mut is_model = true;
            while let Some(error) = source {
                is_model &= error.to_string() != no_model;
                source = error.source();
            }
            return Outcome::failed(is_model, &error);
        }
    };
    match tokenize(&tokenizer) {
        Ok(tokens) => Outcome::accepted(format!("2^{} tokens", tokens.max(1).ilog2())),
        Err(error) => Outcome::parsed(&error),
    }
}
