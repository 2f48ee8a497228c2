//! The tokenizer of a model folder.

use std::path::Path;

use serde::Deserialize;

use crate::config::T5Config;
use crate::error::{Result, TokenizerError};
use crate::tokenizer::added_tokens::Declarations;
use crate::tokenizer::byte::ByteTokenizer;
use crate::tokenizer::json::JsonTokenizer;
use crate::tokenizer::kind::Kind;
use crate::tokenizer::piece::PieceTokenizer;
use crate::weights::file_names::{CONFIG_FILE, SENTENCE_PIECE_FILE, TOKENIZER_FILE, tokenizer_dir};

/// Class without a file, whose tokens are bytes.
const BYTE_CLASS: &str = "ByT5Tokenizer";
/// Vocabulary size of ByT5: three special tokens, 256 bytes and 125 sentinels.
const BYTE_VOCAB_SIZE: usize = 384;
/// Class whose tokens are bytes, but rewritten for each script.
const MYT5_CLASS: &str = "MyT5Tokenizer";

/// The fields of `config.json` that name the tokenizer.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ModelConfig {
    tokenizer_class: Option<String>,
    model_type: Option<String>,
}

/// Reads the tokenizer of a model folder and sets its end token.
pub(crate) fn read(folder: &Path, config: &T5Config) -> Result<Kind> {
    let home = tokenizer_dir(folder);
    let declarations = Declarations::read(&home)?;
    let model = model_config(folder);
    let class = declarations.class.clone().or(model.tokenizer_class);
    let class = class.as_deref();
    let is_byte_model = model.model_type.as_deref() == Some("byt5");
    if class == Some(MYT5_CLASS) || model.model_type.as_deref() == Some("myt5") {
        let (folder, class) = (home, MYT5_CLASS.to_owned());
        return Err(TokenizerError::Class { folder, class }.into());
    }
    let (json, pieces) = (home.join(TOKENIZER_FILE), home.join(SENTENCE_PIECE_FILE));
    let declared_end = declarations.end.clone();
    let vocab_size = config.vocab_size;
    let (path, mut tokenizer) = if class == Some(BYTE_CLASS) || (class.is_none() && is_byte_model) {
        let tokenizer = ByteTokenizer::new(declarations, vocab_size)?;
        (home.join(CONFIG_FILE), Kind::Byte(tokenizer))
    } else if json.is_file() {
        let tokenizer = JsonTokenizer::read(&json, declarations, vocab_size)?;
        (json, Kind::Json(tokenizer))
    } else if pieces.is_file() {
        let tokenizer = PieceTokenizer::read(&pieces, declarations, vocab_size)?;
        (pieces, Kind::Piece(Box::new(tokenizer)))
    } else if let Some(class) = class.filter(|class| *class != "T5Tokenizer") {
        let (folder, class) = (home, class.to_owned());
        return Err(TokenizerError::Class { folder, class }.into());
    } else if class.is_none() && vocab_size == BYTE_VOCAB_SIZE {
        let tokenizer = ByteTokenizer::new(declarations, vocab_size)?;
        (home.join(CONFIG_FILE), Kind::Byte(tokenizer))
    } else {
        return Err(not_found(folder).into());
    };
    set_end(&path, &mut tokenizer, declared_end.as_deref(), config)?;
    Ok(tokenizer)
}

/// Lets texts end with the tokenizer's end token, and checks that it is the model's.
fn set_end(
    path: &Path,
    tokenizer: &mut Kind,
    declared: Option<&str>,
    config: &T5Config,
) -> Result<()> {
    let expected = config.eos_token_id;
    let id = tokenizer.id(declared.unwrap_or("</s>")).unwrap_or(expected);
    tokenizer.set_end(id);
    let found = tokenizer.end().unwrap_or(id);
    if found == expected {
        return Ok(());
    }
    let path = path.to_owned();
    let token = tokenizer.token(found).unwrap_or_default();
    Err(TokenizerError::EndToken { path, token, found, expected }.into())
}

/// Reads the names in `config.json`, which is checked elsewhere.
fn model_config(folder: &Path) -> ModelConfig {
    let bytes = mtpt_io::fs::read(&folder.join(CONFIG_FILE)).ok();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn not_found(folder: &Path) -> TokenizerError {
    #[cfg(feature = "t5x")]
    if let Some(parent) = crate::weights::file_names::t5x_parent(folder) {
        return TokenizerError::NotFoundForT5x { folder: folder.to_owned(), parent };
    }
    TokenizerError::NotFound { folder: folder.to_owned() }
}
