//! Text to token ids and back.

use std::path::{Path, PathBuf};

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
use crate::error::{Error, Result, TOKENIZER_FILES};

/// Names of a tokenizer in a folder, the first that is there being taken.
pub(crate) const TOKENIZER_FILE: &str = "tokenizer.json";
pub(crate) const SENTENCE_PIECE_FILE: &str = "spiece.model";

/// Sentinel tokens that T5 adds after the pieces of its SentencePiece model.
const EXTRA_IDS: usize = 100;

/// Files of a tokenizer, and of how texts are generated, that a folder in the form of transformers may have beside the model.
pub(crate) const COMPANION_FILES: [&str; 6] = [
    TOKENIZER_FILE,
    SENTENCE_PIECE_FILE,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
];

/// Token that ends an input in a SentencePiece model of T5.
const END: &str = "</s>";

/// A tokenizer that ends every text as the model expects it.
#[derive(Debug, Clone)]
pub struct T5Tokenizer {
    tokenizer: Tokenizer,
}

impl T5Tokenizer {
    /// Reads `tokenizer.json` of a folder, or else `spiece.model`, and checks that it fits the model.
    ///
    /// For a checkpoint of T5X, which comes without one, the folder that holds all steps is looked into as well.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFile`] if neither is there (`Error::MissingTokenizer` for a checkpoint of T5X),
    /// [`Error::TokenizerFile`], or [`Error::Vocabulary`].
    pub fn load(folder: &Path, config: &T5Config) -> Result<Self> {
        let home = home(folder);
        let json = home.join(TOKENIZER_FILE);
        let pieces = home.join(SENTENCE_PIECE_FILE);
        let tokenizer = if json.is_file() {
            Self::from_tokenizer_json(&json)?
        } else if pieces.is_file() {
            Self::from_sentence_piece(&pieces)?
        } else {
            #[cfg(feature = "t5x")]
            if let Some(parent) = crate::weights::t5x::folder_of_steps(folder) {
                return Err(Error::MissingTokenizer { folder: folder.to_owned(), parent });
            }
            return Err(Error::MissingFile {
                folder: folder.to_owned(),
                expected: TOKENIZER_FILES,
            });
        };
        tokenizer.check_fits(config)?;
        Ok(tokenizer)
    }

    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::TokenizerFile`], naming the file.
    pub fn from_tokenizer_json(path: &Path) -> Result<Self> {
        let bytes = read(path)?;
        let mut tokenizer = Tokenizer::from_bytes(bytes)
            .map_err(|source| Error::TokenizerFile { path: path.to_owned(), source })?;
        // A file may carry the padding and truncation of whoever saved it, which would change ids behind our back.
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|source| Error::TokenizerFile { path: path.to_owned(), source })?;
        Ok(Self { tokenizer })
    }

    /// Builds the tokenizer of a SentencePiece model, `spiece.model`, as transformers converts it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::TokenizerFile`] or [`Error::SentencePieceType`], naming the file.
    pub fn from_sentence_piece(path: &Path) -> Result<Self> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::TokenizerFile {
            path: path.to_owned(),
            source,
        };
        let model = SentencePieceModel::decode(read(path)?.as_slice())
            .map_err(|source| failed(source.into()))?;
        let trainer = model.trainer.unwrap_or_default();
        if trainer.model_type() != UNIGRAM {
            return Err(Error::SentencePieceType {
                path: path.to_owned(),
                found: trainer.model_type(),
            });
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
        let unigram = Unigram::from(vocabulary, unknown, false).map_err(failed)?;

        let metaspace = Metaspace::new('▁', PrependScheme::Always, true);
        let mut tokenizer = Tokenizer::new(unigram);
        let charsmap =
            model.normalizer.unwrap_or_default().precompiled_charsmap.unwrap_or_default();
        if !charsmap.is_empty() {
            let normalizer =
                Precompiled::from(&charsmap).map_err(|source| failed(source.into()))?;
            tokenizer.with_normalizer(Some(normalizer)).map_err(failed)?;
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
                .map_err(|source| failed(source.into()))?
                .special_tokens(vec![(END.to_owned(), end as u32)])
                .build()
                .map_err(|source| failed(source.into()))?;
            tokenizer.with_post_processor(Some(template));
        }
        let special = model
            .pieces
            .iter()
            .filter(|piece| matches!(piece.kind(), UNKNOWN | CONTROL))
            .map(|piece| piece.piece().to_owned())
            .chain(sentinels)
            .map(|content| AddedToken::from(content, true).normalized(false));
        tokenizer.add_special_tokens(special).map_err(failed)?;
        Ok(Self { tokenizer })
    }

    /// Checks that every id has a row in the model's embedding table.
    ///
    /// # Errors
    ///
    /// [`Error::Vocabulary`] with both sizes.
    pub fn check_fits(&self, config: &T5Config) -> Result<()> {
        let size = self.vocab_size();
        if size > config.vocab_size {
            return Err(Error::Vocabulary { tokenizer: size, model: config.vocab_size });
        }
        Ok(())
    }

    /// One more than the highest id.
    pub fn vocab_size(&self) -> usize {
        let highest = self.tokenizer.get_vocab(true).into_values().max();
        highest.map_or(0, |highest| highest as usize + 1)
    }

    /// Ids of the sentinels `<extra_id_0>`, `<extra_id_1>`, ..., as far as there are any without a gap: what span corruption
    /// puts in the place of the first span, the second, and so on.
    pub fn sentinel_ids(&self) -> Vec<u32> {
        (0..).map_while(|number| self.tokenizer.token_to_id(&sentinel(number))).collect()
    }

    /// Ids of a text, the end token last.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenize`] if the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding =
            self.tokenizer.encode_fast(text, true).map_err(|source| Error::Tokenize { source })?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Text of ids, without end, padding and other special tokens.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenize`] if the tokenizer refuses the ids.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.tokenizer.decode(ids, true).map_err(|source| Error::Tokenize { source })
    }

    /// Text of ids, special tokens spelled out.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenize`] if the tokenizer refuses the ids.
    pub fn decode_with_special_tokens(&self, ids: &[u32]) -> Result<String> {
        self.tokenizer.decode(ids, false).map_err(|source| Error::Tokenize { source })
    }

    /// The tokenizer within.
    pub fn as_inner(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The tokenizer within.
    pub fn into_inner(self) -> Tokenizer {
        self.tokenizer
    }
}

impl From<Tokenizer> for T5Tokenizer {
    fn from(tokenizer: Tokenizer) -> Self {
        Self { tokenizer }
    }
}

/// The folder that the tokenizer of a model is in: its own, unless that has none and is one step of a checkpoint of T5X.
pub(crate) fn home(folder: &Path) -> PathBuf {
    #[cfg(feature = "t5x")]
    {
        let has_one = |folder: &Path| {
            [TOKENIZER_FILE, SENTENCE_PIECE_FILE].iter().any(|name| folder.join(name).is_file())
        };
        if !has_one(folder)
            && let Some(parent) = crate::weights::t5x::folder_of_steps(folder)
            && has_one(&parent)
        {
            return parent;
        }
    }
    folder.to_owned()
}

fn sentinel(number: usize) -> String {
    format!("<extra_id_{number}>")
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

/// Type of a SentencePiece model that T5 uses.
const UNIGRAM: i32 = 1;
/// Kinds of pieces that stand for no text.
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;

/// The parts of `sentencepiece_model.proto` that matter here.
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
