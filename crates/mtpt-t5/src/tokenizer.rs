//! T5's tokenizer.

use std::ops::Deref;
use std::path::Path;

use prost::Message;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::Precompiled;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, Tokenizer};

use crate::config::T5Config;
use crate::error::{Result, TokenizerError};
use crate::weights::file_names::{SENTENCE_PIECE_FILE, TOKENIZER_FILE, tokenizer_dir};

/// Number of sentinel tokens that T5 appends to the pieces of its SentencePiece model.
const EXTRA_IDS: usize = 100;

/// End token of T5's SentencePiece models.
const END: &str = "</s>";

/// A tokenizer that appends the end token to every text.
///
/// Dereferences to the underlying [`Tokenizer`].
#[derive(Debug, Clone)]
pub struct T5Tokenizer {
    tokenizer: Tokenizer,
}

impl T5Tokenizer {
    /// Reads the `tokenizer.json` or `spiece.model` of a model's folder, and checks that it fits
    /// the model.
    ///
    /// For a T5X checkpoint, which has no tokenizer, its parent folder is searched as well.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::NotFound`] (`NotFoundForT5x` for a T5X checkpoint),
    /// [`TokenizerError::File`], [`TokenizerError::Vocabulary`], or
    /// [`Error::Io`](crate::Error::Io).
    pub fn load(folder: &Path, config: &T5Config) -> Result<Self> {
        let home = tokenizer_dir(folder);
        let json = home.join(TOKENIZER_FILE);
        let pieces = home.join(SENTENCE_PIECE_FILE);
        let tokenizer = if json.is_file() {
            Self::from_tokenizer_json(&json)?
        } else if pieces.is_file() {
            Self::from_sentence_piece(&pieces)?
        } else {
            #[cfg(feature = "t5x")]
            if let Some(parent) = crate::weights::file_names::t5x_parent(folder) {
                let folder = folder.to_owned();
                return Err(TokenizerError::NotFoundForT5x { folder, parent }.into());
            }
            return Err(TokenizerError::NotFound { folder: folder.to_owned() }.into());
        };
        tokenizer.check_fits(config)?;
        Ok(tokenizer)
    }

    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) or [`TokenizerError::File`], naming the file.
    pub fn from_tokenizer_json(path: &Path) -> Result<Self> {
        let invalid = |source| TokenizerError::File { path: path.to_owned(), source };
        let mut tokenizer = Tokenizer::from_bytes(read(path)?).map_err(invalid)?;
        // A file may specify padding and truncation, which would change ids silently.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(invalid)?;
        Ok(Self { tokenizer })
    }

    /// Builds the tokenizer of a SentencePiece model, `spiece.model`, like transformers does.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), [`TokenizerError::File`] or
    /// [`TokenizerError::SentencePieceType`], naming the file.
    pub fn from_sentence_piece(path: &Path) -> Result<Self> {
        let invalid = |source: Box<dyn std::error::Error + Send + Sync>| TokenizerError::File {
            path: path.to_owned(),
            source,
        };
        let model = SentencePieceModel::decode(read(path)?.as_slice())
            .map_err(|source| invalid(source.into()))?;
        let trainer = model.trainer.unwrap_or_default();
        if trainer.model_type() != UNIGRAM {
            let (path, found) = (path.to_owned(), trainer.model_type());
            return Err(TokenizerError::SentencePieceType { path, found }.into());
        }
        let mut vocabulary: Vec<(String, f64)> = model
            .pieces
            .iter()
            .map(|piece| (piece.piece().to_owned(), f64::from(piece.score())))
            .collect();
        let sentinels: Vec<String> = (0..EXTRA_IDS).rev().map(sentinel).collect();
        vocabulary.extend(sentinels.iter().map(|sentinel| (sentinel.clone(), 0.0)));
        let end = vocabulary.iter().position(|(piece, _)| piece == END);
        let unknown = usize::try_from(trainer.unk_id()).ok();
        let unigram = Unigram::from(vocabulary, unknown, false).map_err(invalid)?;

        let metaspace = Metaspace::new('▁', PrependScheme::Always, true);
        let mut tokenizer = Tokenizer::new(unigram);
        let charsmap =
            model.normalizer.unwrap_or_default().precompiled_charsmap.unwrap_or_default();
        if !charsmap.is_empty() {
            let normalizer =
                Precompiled::from(&charsmap).map_err(|source| invalid(source.into()))?;
            tokenizer.with_normalizer(Some(normalizer)).map_err(invalid)?;
        }
        tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![
            PreTokenizerWrapper::WhitespaceSplit(WhitespaceSplit),
            PreTokenizerWrapper::Metaspace(metaspace.clone()),
        ])));
        tokenizer.with_decoder(Some(DecoderWrapper::Metaspace(metaspace)));
        if let Some(end) = end {
            let template = TemplateProcessing::builder()
                .try_single(format!("$A {END}"))
                .and_then(|builder| builder.try_pair(format!("$A {END} $B {END}")))
                .map_err(|source| invalid(source.into()))?
                .special_tokens(vec![(END.to_owned(), end as u32)])
                .build()
                .map_err(|source| invalid(source.into()))?;
            tokenizer.with_post_processor(Some(template));
        }
        let special = model
            .pieces
            .iter()
            .filter(|piece| matches!(piece.kind(), UNKNOWN | CONTROL))
            .map(|piece| piece.piece().to_owned())
            .chain(sentinels)
            .map(|content| AddedToken::from(content, true).normalized(false));
        tokenizer.add_special_tokens(special).map_err(invalid)?;
        Ok(Self { tokenizer })
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
        let highest = self.tokenizer.get_vocab(true).into_values().max();
        highest.map_or(0, |highest| highest as usize + 1)
    }

    /// Returns the ids of the sentinels `<extra_id_0>`, `<extra_id_1>`, ..., up to the first gap.
    ///
    /// Span corruption replaces the first span by the first sentinel, and so on.
    pub fn sentinel_ids(&self) -> Vec<u32> {
        (0..).map_while(|number| self.tokenizer.token_to_id(&sentinel(number))).collect()
    }

    /// Returns the ids of a text, ending with the end token.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Tokenize`] if the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.tokenizer.encode_fast(text, true);
        let encoding = encoding.map_err(|source| TokenizerError::Tokenize { source })?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Returns the text of ids, without end, padding and other special tokens.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Tokenize`] if the tokenizer refuses the ids.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let text = self.tokenizer.decode(ids, true);
        Ok(text.map_err(|source| TokenizerError::Tokenize { source })?)
    }

    /// Returns the text of ids, including special tokens.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Tokenize`] if the tokenizer refuses the ids.
    pub fn decode_with_special_tokens(&self, ids: &[u32]) -> Result<String> {
        let text = self.tokenizer.decode(ids, false);
        Ok(text.map_err(|source| TokenizerError::Tokenize { source })?)
    }

    /// Returns the underlying tokenizer.
    pub fn as_inner(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Returns the underlying tokenizer.
    pub fn into_inner(self) -> Tokenizer {
        self.tokenizer
    }
}

impl Deref for T5Tokenizer {
    type Target = Tokenizer;

    fn deref(&self) -> &Tokenizer {
        &self.tokenizer
    }
}

impl From<Tokenizer> for T5Tokenizer {
    fn from(tokenizer: Tokenizer) -> Self {
        Self { tokenizer }
    }
}

fn sentinel(number: usize) -> String {
    format!("<extra_id_{number}>")
}

fn read(path: &Path) -> Result<Vec<u8>> {
    Ok(mtpt_io::fs::read(path)?)
}

/// Type of T5's SentencePiece models.
const UNIGRAM: i32 = 1;
/// Types of pieces without text.
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;

/// The relevant fields of `sentencepiece_model.proto`.
#[derive(Clone, PartialEq, Message)]
struct SentencePieceModel {
    #[prost(message, repeated, tag = "1")]
    pieces: Vec<Piece>,
    #[prost(message, optional, tag = "2")]
    trainer: Option<TrainerSpec>,
    #[prost(message, optional, tag = "3")]
    normalizer: Option<NormalizerSpec>,
}

#[derive(Clone, PartialEq, Message)]
struct Piece {
    #[prost(string, optional, tag = "1")]
    piece: Option<String>,
    #[prost(float, optional, tag = "2")]
    score: Option<f32>,
    #[prost(int32, optional, tag = "3", default = "1")]
    kind: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct TrainerSpec {
    #[prost(int32, optional, tag = "3", default = "1")]
    model_type: Option<i32>,
    #[prost(int32, optional, tag = "40")]
    unk_id: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct NormalizerSpec {
    #[prost(bytes = "vec", optional, tag = "2")]
    precompiled_charsmap: Option<Vec<u8>>,
}
