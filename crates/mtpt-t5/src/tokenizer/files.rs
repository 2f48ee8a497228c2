//! The tokenizer of a model folder.

use std::path::Path;

use crate::config::T5Config;
use crate::error::{Result, TokenizerError};
use crate::tokenizer::added_tokens::{Declarations, JsonFields};
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

/// Reads the tokenizer of a model folder and sets its end token.
pub(crate) fn read(folder: &Path, config: &T5Config) -> Result<Kind> {
    let home = tokenizer_dir(folder);
    let declarations = Declarations::read(&home)?;
    // A T5X checkpoint may have none.
    let model = JsonFields::read(&folder.join(CONFIG_FILE))?;
    let class = match &declarations.class {
        Some(class) => Some(class.as_str()),
        None => model.text("tokenizer_class")?,
    };
    let model_type = model.text("model_type")?;
    let is_byte_model = model_type == Some("byt5");
    if class == Some(MYT5_CLASS) || model_type == Some("myt5") {
        let (folder, class) = (home, MYT5_CLASS.to_owned());
        return Err(TokenizerError::Class { folder, class }.into());
    }
    let (json, pieces) = (home.join(TOKENIZER_FILE), home.join(SENTENCE_PIECE_FILE));
    let declared_end = declarations.end.clone();
    let vocab_size = config.vocab_size;
    let mut tokenizer = if class == Some(BYTE_CLASS) || (class.is_none() && is_byte_model) {
        Kind::Byte(Box::new(ByteTokenizer::new(declarations, vocab_size)?))
    } else if json.is_file() {
        Kind::Json(Box::new(JsonTokenizer::read(&json, declarations, vocab_size)?))
    } else if pieces.is_file() {
        Kind::Piece(Box::new(PieceTokenizer::read(&pieces, declarations, vocab_size)?))
    } else if let Some(class) = class.filter(|class| *class != "T5Tokenizer") {
        let (folder, class) = (home, class.to_owned());
        return Err(TokenizerError::Class { folder, class }.into());
    } else if class.is_none() && vocab_size == BYTE_VOCAB_SIZE {
        Kind::Byte(Box::new(ByteTokenizer::new(declarations, vocab_size)?))
    } else {
        return Err(not_found(folder).into());
    };
    // Transformers' class appends the end token, whatever the file says.
    let end = tokenizer.id(declared_end.as_deref().unwrap_or("</s>"));
    tokenizer.set_end(end.unwrap_or(config.eos_token_id));
    Ok(tokenizer)
}

fn not_found(folder: &Path) -> TokenizerError {
    #[cfg(feature = "t5x")]
    if let Some(parent) = crate::weights::file_names::t5x_parent(folder) {
        return TokenizerError::NotFoundForT5x { folder: folder.to_owned(), parent };
    }
    TokenizerError::NotFound { folder: folder.to_owned() }
}
