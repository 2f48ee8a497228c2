use std::path::Path;

use tokenizers::Tokenizer;

use crate::config::T5Config;
use crate::error::{Result, TokenizerError};
use crate::tokenizer::added_tokens::Declarations;
use crate::tokenizer::files;
use crate::tokenizer::json::JsonTokenizer;
use crate::tokenizer::kind::Kind;
use crate::tokenizer::piece::PieceTokenizer;
use crate::tokenizer::sentinel;

/// A tokenizer that appends the end token to every text.
#[derive(Debug, Clone)]
pub struct T5Tokenizer {
    kind: Kind,
}

impl T5Tokenizer {
    /// Reads the tokenizer of a model's folder, and checks that it fits the model.
    ///
    /// This is `tokenizer.json`, `spiece.model`, or the class `ByT5Tokenizer` without a file, with
    /// the tokens that `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`
    /// add. For a T5X checkpoint, which has no tokenizer, its parent folder is searched as well.
    ///
    /// # Errors
    ///
    /// [`TokenizerError`] or [`Error::Io`](crate::Error::Io), naming the file.
    pub fn load(folder: &Path, config: &T5Config) -> Result<Self> {
        let tokenizer = Self { kind: files::read(folder, config)? };
        tokenizer.check_fits(config)?;
        Ok(tokenizer)
    }

    /// Reads a `tokenizer.json` without the files next to it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), [`TokenizerError::Json`] or [`TokenizerError::File`],
    /// naming the file.
    pub fn from_tokenizer_json(path: &Path) -> Result<Self> {
        let tokenizer = JsonTokenizer::read(path, Declarations::default(), usize::MAX)?;
        Ok(Self { kind: Kind::Json(Box::new(tokenizer)) }.with_end())
    }

    /// Reads a SentencePiece model, `spiece.model`, without the files next to it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) or [`TokenizerError::File`], naming the file.
    pub fn from_sentence_piece(path: &Path) -> Result<Self> {
        let tokenizer = PieceTokenizer::read(path, Declarations::default(), usize::MAX)?;
        Ok(Self { kind: Kind::Piece(Box::new(tokenizer)) }.with_end())
    }

    /// Lets texts end with T5's end token if the tokenizer has it.
    fn with_end(mut self) -> Self {
        if let Some(end) = self.kind.id("</s>") {
            self.kind.set_end(end);
        }
        self
    }

    /// Checks that every id has a row in the model's embedding table.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Vocabulary`] with both sizes.
    pub fn check_fits(&self, config: &T5Config) -> Result<()> {
        let size = self.vocab_size();
        if size > config.vocab_size {
            let model = config.vocab_size;
            return Err(TokenizerError::Vocabulary { tokenizer: size, model }.into());
        }
        Ok(())
    }

    /// Returns one more than the highest id.
    pub fn vocab_size(&self) -> usize {
        self.kind.vocab_size()
    }

    /// Returns the text of one token, as in the vocabulary.
    pub fn token(&self, id: u32) -> Option<String> {
        self.kind.token(id)
    }

    /// Returns the token for text outside the vocabulary, or `None` if there is no such text.
    pub fn unknown_id(&self) -> Option<u32> {
        self.kind.unknown()
    }

    /// Returns the token at the end of every text, or `None` if the tokenizer has none.
    pub fn end_id(&self) -> Option<u32> {
        self.kind.end()
    }

    /// Returns the ids of the sentinels `<extra_id_0>`, `<extra_id_1>`, ..., up to the first gap.
    ///
    /// Span corruption replaces the first span by the first sentinel, and so on.
    pub fn sentinel_ids(&self) -> Vec<u32> {
        let id = |number| sentinel::names(number).iter().find_map(|name| self.kind.id(name));
        (0..).map_while(id).collect()
    }

    /// Returns the ids of a text, ending with the end token.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Tokenize`] if the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.kind.encode(text)
    }

    /// Returns the text of ids, without end, padding and other special tokens.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Tokenize`] if the tokenizer refuses the ids.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.kind.decode(ids, true)
    }

    /// Returns the text of ids, including special tokens.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Tokenize`] if the tokenizer refuses the ids.
    pub fn decode_with_special_tokens(&self, ids: &[u32]) -> Result<String> {
        self.kind.decode(ids, false)
    }
}

impl From<Tokenizer> for T5Tokenizer {
    /// Uses a tokenizer of the library. Padding and truncation are disabled.
    fn from(tokenizer: Tokenizer) -> Self {
        Self { kind: Kind::Json(Box::new(tokenizer.into())) }.with_end()
    }
}
