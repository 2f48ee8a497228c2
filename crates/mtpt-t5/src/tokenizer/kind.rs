use std::borrow::Cow;

use crate::error::{Result, TokenizerError};
use crate::tokenizer::byte::ByteTokenizer;
use crate::tokenizer::json::JsonTokenizer;
use crate::tokenizer::piece::PieceTokenizer;

/// A tokenizer of any kind.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Json(Box<JsonTokenizer>),
    Piece(Box<PieceTokenizer>),
    Byte(Box<ByteTokenizer>),
}

impl Kind {
    /// Returns one more than the highest id.
    pub(crate) fn vocab_size(&self) -> usize {
        match self {
            Self::Json(tokenizer) => tokenizer.vocab_size(),
            Self::Piece(tokenizer) => tokenizer.vocab_size(),
            Self::Byte(tokenizer) => tokenizer.vocab_size(),
        }
    }

    /// Returns the id of a token, except bytes of ByT5.
    pub(crate) fn id(&self, token: &str) -> Option<u32> {
        match self {
            Self::Json(tokenizer) => tokenizer.id(token),
            Self::Piece(tokenizer) => tokenizer.id(token),
            Self::Byte(tokenizer) => tokenizer.id(token),
        }
    }

    /// Returns the text of one token.
    pub(crate) fn token(&self, id: u32) -> Option<String> {
        match self {
            Self::Json(tokenizer) => tokenizer.token(id),
            Self::Piece(tokenizer) => tokenizer.token(id).map(str::to_owned),
            Self::Byte(tokenizer) => tokenizer.token(id).map(Cow::into_owned),
        }
    }

    /// Returns the id of the token for text outside the vocabulary.
    pub(crate) fn unknown(&self) -> Option<u32> {
        match self {
            Self::Json(tokenizer) => tokenizer.unknown(),
            Self::Piece(tokenizer) => Some(tokenizer.unknown()),
            // Every byte is in the vocabulary.
            Self::Byte(_) => None,
        }
    }

    /// Returns the token at the end of every text.
    pub(crate) fn end(&self) -> Option<u32> {
        match self {
            Self::Json(tokenizer) => tokenizer.end(),
            Self::Piece(tokenizer) => tokenizer.end(),
            Self::Byte(tokenizer) => Some(tokenizer.end()),
        }
    }

    /// Sets the token at the end of every text, unless the file appends one.
    pub(crate) fn set_end(&mut self, id: u32) {
        match self {
            Self::Json(tokenizer) => tokenizer.set_end(id),
            Self::Piece(tokenizer) => tokenizer.set_end(id),
            Self::Byte(tokenizer) => tokenizer.set_end(id),
        }
    }

    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>> {
        match self {
            Self::Json(tokenizer) => {
                let ids = tokenizer.encode(text);
                Ok(ids.map_err(|source| TokenizerError::Tokenize { source })?)
            }
            Self::Piece(tokenizer) => Ok(tokenizer.encode(text)),
            Self::Byte(tokenizer) => Ok(tokenizer.encode(text)),
        }
    }

    pub(crate) fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String> {
        match self {
            Self::Json(tokenizer) => {
                let text = tokenizer.decode(ids, skip_special);
                Ok(text.map_err(|source| TokenizerError::Tokenize { source })?)
            }
            Self::Piece(tokenizer) => Ok(tokenizer.decode(ids, skip_special)),
            Self::Byte(tokenizer) => Ok(tokenizer.decode(ids, skip_special)),
        }
    }
}
