//! SentencePiece models: `spiece.model`.
//!
//! Ids and texts equal those of Google's sentencepiece, including its order of comparisons and the
//! precision of its sums. The `tokenizers` library differs in its normalizer, which replaces whole
//! grapheme clusters, and has no preserved spaces, user-defined symbols or unused pieces.

mod bpe;
mod charsmap;
mod decode;
mod model;
mod normalizer;
mod pieces;
mod proto;
mod trie;
mod unigram;

pub(crate) use charsmap::Charsmap;
pub(crate) use model::SentencePieceModel;
pub(crate) use pieces::{MAX_PIECE_LENGTH, PieceKind};
