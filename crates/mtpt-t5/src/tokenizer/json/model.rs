use serde::Deserialize;
use tokenizers::ModelWrapper;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordlevel::WordLevel;
use tokenizers::models::wordpiece::WordPiece;

use crate::error::TokenizerFileError;
use crate::tokenizer::json::component::{Component, Result, shortened};
use crate::tokenizer::json::vocabulary::{MergeList, Vocabulary};
use crate::tokenizer::sentence_piece::MAX_PIECE_LENGTH;

const PART: &str = "model";

/// Largest id. No embedding table has as many rows.
const MAX_ID: u32 = i32::MAX as u32;

/// Largest `max_input_chars_per_word`, whose square is the time of a word. The default is 100.
const MAX_WORD_LENGTH: usize = 1_000;

/// Memory of a node in the library's search tree for pieces: a hash table with four buckets.
const NODE_SIZE: usize = 340;

/// The vocabulary and the way to split words into its tokens, with the fields of all types.
#[derive(Debug, Deserialize)]
pub(crate) struct Model {
    #[serde(rename = "type")]
    kind: Option<String>,
    vocab: Vocabulary,
    merges: Option<MergeList>,
    unk_id: Option<usize>,
    unk_token: Option<String>,
    byte_fallback: Option<bool>,
    fuse_unk: Option<bool>,
    ignore_merges: Option<bool>,
    dropout: Option<f32>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    max_input_chars_per_word: Option<usize>,
}

/// A model of the library.
pub(crate) struct Built {
    pub(crate) model: ModelWrapper,
    /// Id of the token for unknown text.
    pub(crate) unknown: Option<u32>,
    /// Whether the file lacks the setting that characters without piece are split into bytes.
    pub(crate) lacks_byte_fallback: bool,
}

impl Model {
    /// Builds the model of a file of the given size.
    pub(crate) fn build(mut self, file_size: usize) -> Result<Built> {
        let has_prefix = self.continuing_subword_prefix.is_some();
        let kind = self.kind.take().unwrap_or_else(|| {
            // The first versions had no type.
            let kind = match (&self.vocab, &self.merges) {
                (_, Some(_)) => "BPE",
                (Vocabulary::Scores(_), _) => "Unigram",
                (Vocabulary::Ids(_), _) if has_prefix => "WordPiece",
                _ => "WordLevel",
            };
            kind.to_owned()
        });
        let vocab = std::mem::replace(&mut self.vocab, Vocabulary::Scores(Vec::new()));
        match (kind.as_str(), vocab) {
            ("Unigram", Vocabulary::Scores(pieces)) => self.unigram(pieces, file_size),
            ("BPE", Vocabulary::Ids(ids)) => self.with_ids(ids, Self::bpe),
            ("WordPiece", Vocabulary::Ids(ids)) => self.with_ids(ids, Self::word_piece),
            ("WordLevel", Vocabulary::Ids(ids)) => self.with_ids(ids, Self::word_level),
            ("Unigram", _) => Err(unusable("vocab", "a list of pieces with scores", "an object")),
            ("BPE" | "WordPiece" | "WordLevel", _) => {
                Err(unusable("vocab", "an object of tokens with ids", "a list"))
            }
            (kind, _) => Err(TokenizerFileError::Unsupported {
                part: PART,
                kind: shortened(kind),
                advice: "expected `Unigram`, `BPE`, `WordPiece` or `WordLevel`",
            }),
        }
    }

    fn with_ids(
        self,
        ids: Vocab,
        build: impl FnOnce(Self, Vocab) -> Result<ModelWrapper>,
    ) -> Result<Built> {
        if let Some(id) = ids.values().find(|id| **id > MAX_ID) {
            return Err(unusable("vocab", "an object of tokens with ids below 2^31", id));
        }
        let unknown = self.unk_token.as_ref().and_then(|token| ids.get(token)).copied();
        Ok(Built { model: build(self, ids)?, unknown, lacks_byte_fallback: false })
    }

    fn unigram(self, pieces: Vec<(String, f64)>, file_size: usize) -> Result<Built> {
        if pieces.len() > MAX_ID as usize || self.unk_id.is_some_and(|id| id >= pieces.len()) {
            let found = self.unk_id.unwrap_or(pieces.len());
            return Err(unusable("unk_id", "the id of a piece", found));
        }
        if let Some((piece, _)) = pieces.iter().find(|(piece, _)| piece.len() > MAX_PIECE_LENGTH) {
            // The library's search tree is as deep, and recursive.
            let found = format!("`{}` of {} bytes", shortened(piece), piece.len());
            return Err(unusable("vocab", "a list of pieces of at most 2,048 bytes", found));
        }
        check_search_tree(&pieces, file_size)?;
        // Converters of SentencePiece models drop the setting, so characters without piece would
        // become unknown tokens.
        let is_set = self.byte_fallback.unwrap_or(false);
        let lacks_byte_fallback = !is_set && has_all_bytes(&pieces);
        let unknown = self.unk_id.map(|id| id as u32);
        let model = Unigram::from(pieces, self.unk_id, is_set || lacks_byte_fallback)
            .map_err(|_| unusable("vocab", "a list of pieces with scores", "empty"))?;
        Ok(Built { model: model.into(), unknown, lacks_byte_fallback })
    }

    fn bpe(self, ids: Vocab) -> Result<ModelWrapper> {
        let MergeList(merges) =
            self.merges.ok_or_else(|| unusable("merges", "a list of pairs", "missing"))?;
        let prefix = short("continuing_subword_prefix", self.continuing_subword_prefix.as_ref())?;
        short("end_of_word_suffix", self.end_of_word_suffix.as_ref())?;
        check_merges(&merges, prefix.unwrap_or_default(), &ids)?;
        let mut builder = BPE::builder()
            .vocab_and_merges(ids, merges)
            .fuse_unk(self.fuse_unk.unwrap_or(false))
            .byte_fallback(self.byte_fallback.unwrap_or(false))
            .ignore_merges(self.ignore_merges.unwrap_or(false));
        if let Some(token) = self.unk_token {
            builder = builder.unk_token(token);
        }
        if let Some(prefix) = self.continuing_subword_prefix {
            builder = builder.continuing_subword_prefix(prefix);
        }
        if let Some(suffix) = self.end_of_word_suffix {
            builder = builder.end_of_word_suffix(suffix);
        }
        if let Some(dropout) = self.dropout {
            builder = builder.dropout(dropout);
        }
        let model = builder.build();
        Ok(model.map_err(|_| unusable("dropout", "from 0 to 1", "another number"))?.into())
    }

    fn word_piece(self, ids: Vocab) -> Result<ModelWrapper> {
        let prefix = short("continuing_subword_prefix", self.continuing_subword_prefix.as_ref())?;
        let prefix = prefix
            .ok_or_else(|| unusable("continuing_subword_prefix", "a text", "missing"))?
            .to_owned();
        let length = self.max_input_chars_per_word;
        let length = length.filter(|length| *length <= MAX_WORD_LENGTH).ok_or_else(|| {
            let found = length.map_or_else(|| "missing".to_owned(), |length| length.to_string());
            unusable("max_input_chars_per_word", "a number up to 1,000", found)
        })?;
        let unknown = self.unk_token.ok_or_else(|| unusable("unk_token", "given", "missing"))?;
        let builder = WordPiece::builder()
            .vocab(ids)
            .unk_token(unknown)
            .continuing_subword_prefix(prefix)
            .max_input_chars_per_word(length);
        Ok(builder.build().map_err(|_| unusable("vocab", "tokens with ids", "unusable"))?.into())
    }

    fn word_level(self, ids: Vocab) -> Result<ModelWrapper> {
        let unknown = self.unk_token.ok_or_else(|| unusable("unk_token", "given", "missing"))?;
        let builder = WordLevel::builder().vocab(ids).unk_token(unknown);
        Ok(builder.build().map_err(|_| unusable("vocab", "tokens with ids", "unusable"))?.into())
    }
}

/// Returns the error that a field of the model has an unusable value.
fn unusable(
    field: &'static str,
    expected: &'static str,
    found: impl std::fmt::Display,
) -> TokenizerFileError {
    Component::default().unusable(PART, field, expected, found)
}

/// Returns a text that is added to every character of a word.
fn short<'a>(field: &'static str, text: Option<&'a String>) -> Result<Option<&'a str>> {
    text.map(|text| Component::default().text(PART, field, Some(text))).transpose()
}

/// Checks that the parts and the result of every merge are in the vocabulary. The library uses them
/// before it checks it.
fn check_merges(merges: &Merges, prefix: &str, ids: &Vocab) -> Result<()> {
    let mut merged = String::new();
    for (left, right) in merges {
        merged.clear();
        merged.push_str(left);
        let rest = right.strip_prefix(prefix);
        merged.push_str(rest.unwrap_or_default());
        let is_known = rest.is_some()
            && [left, right, &merged].into_iter().all(|token| ids.contains_key(token.as_str()));
        if !is_known {
            let found = format!("`{}`, `{}`", shortened(left), shortened(right));
            return Err(unusable("merges", "pairs of tokens whose merge is a token", found));
        }
    }
    Ok(())
}

/// Returns whether there is a piece for every byte.
fn has_all_bytes(pieces: &[(String, f64)]) -> bool {
    let mut has_piece = [false; 256];
    for (piece, _) in pieces {
        let byte = piece.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
        let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = byte.filter(|byte| *piece == format!("<0x{byte:02X}>")) {
            has_piece[usize::from(byte)] = true;
        }
    }
    has_piece.into_iter().all(|has_piece| has_piece)
}

/// Checks that the memory of the library's search tree for pieces is in proportion to the file.
fn check_search_tree(pieces: &[(String, f64)], file_size: usize) -> Result<()> {
    let limit = ((32 << 20) + 32 * file_size) / NODE_SIZE;
    let bytes: usize = pieces.iter().map(|(piece, _)| piece.len()).sum();
    if bytes <= limit {
        return Ok(());
    }
    let mut texts: Vec<&[u8]> = pieces.iter().map(|(piece, _)| piece.as_bytes()).collect();
    texts.sort_unstable();
    let shared = texts.windows(2).map(|pair| {
        let both = pair[0].iter().zip(pair[1]);
        both.take_while(|(a, b)| a == b).count()
    });
    let nodes = bytes - shared.sum::<usize>();
    if nodes > limit { Err(TokenizerFileError::SearchTree { nodes, limit }) } else { Ok(()) }
}
