use std::ops::Range;

use prost::Message;

use crate::error::SentencePieceError;
use crate::tokenizer::sentence_piece::bpe::Bpe;
use crate::tokenizer::sentence_piece::decode::TextBuilder;
use crate::tokenizer::sentence_piece::normalizer::Normalizer;
use crate::tokenizer::sentence_piece::pieces::{Piece, PieceKind, Pieces};
use crate::tokenizer::sentence_piece::proto::ModelProto;
use crate::tokenizer::sentence_piece::trie::Trie;
use crate::tokenizer::sentence_piece::unigram::Unigram;

/// A SentencePiece model.
#[derive(Clone, Debug)]
pub(crate) struct SentencePieceModel {
    pieces: Pieces,
    normalizer: Normalizer,
    /// Applied to decoded texts.
    denormalizer: Option<Normalizer>,
    segmentation: Segmentation,
}

#[derive(Clone, Debug)]
enum Segmentation {
    Unigram(Unigram),
    Bpe(Bpe),
}

impl SentencePieceModel {
    /// Parses the bytes of a `spiece.model`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, SentencePieceError> {
        let model = ModelProto::decode(bytes).map_err(|_| SentencePieceError::NoModel)?;
        if model.pieces.is_empty() {
            return Err(SentencePieceError::NoModel);
        }
        let trainer = model.trainer.unwrap_or_default();
        let pieces = Pieces::new(model.pieces, trainer.byte_fallback())?;
        let segmentation = match trainer.model_type() {
            1 => Segmentation::Unigram(Unigram::new(&pieces)),
            2 => Segmentation::Bpe(Bpe::new(&pieces)),
            3 => return Err(SentencePieceError::ModelType { found: "word" }),
            4 => return Err(SentencePieceError::ModelType { found: "char" }),
            _ => return Err(SentencePieceError::ModelType { found: "unknown" }),
        };
        let user_defined = pieces.trie(|kind| kind == PieceKind::UserDefined);
        let spec = model.normalizer.unwrap_or_default();
        let is_suffix = trainer.treat_whitespace_as_suffix();
        let normalizer = Normalizer::new(&spec, user_defined, is_suffix)?;
        let denormalizer = model
            .denormalizer
            .map(|spec| Normalizer::new(&spec, Trie::new(std::iter::empty()), false))
            .transpose()?
            .filter(Normalizer::has_rules);
        Ok(Self { pieces, normalizer, denormalizer, segmentation })
    }

    /// Returns the number of pieces.
    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Returns the id of a piece.
    pub(crate) fn id(&self, piece: &str) -> Option<u32> {
        self.pieces.id(piece)
    }

    /// Returns the piece of an id.
    pub(crate) fn piece(&self, id: u32) -> Option<&Piece> {
        self.pieces.get(id)
    }

    /// Returns the id of the unknown token.
    pub(crate) fn unknown(&self) -> u32 {
        self.pieces.unknown()
    }

    /// Returns the normalizer.
    pub(crate) fn normalizer(&self) -> &Normalizer {
        &self.normalizer
    }

    /// Appends the ids of a text, without end token.
    pub(crate) fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        let normalized = self.normalizer.normalize(text);
        let mut after_unknown = false;
        for (range, id) in self.segment(&normalized) {
            let is_unknown = id == self.pieces.unknown();
            match self.pieces.bytes() {
                Some(bytes) if is_unknown => {
                    let characters = normalized[range].bytes();
                    ids.extend(characters.map(|byte| bytes[usize::from(byte)]));
                }
                // Consecutive characters without piece are one unknown token.
                _ if is_unknown && after_unknown => {}
                _ => ids.push(id),
            }
            after_unknown = is_unknown;
        }
    }

    fn segment(&self, normalized: &str) -> Vec<(Range<usize>, u32)> {
        match &self.segmentation {
            Segmentation::Unigram(unigram) => unigram.segment(&self.pieces, normalized),
            Segmentation::Bpe(bpe) => bpe.segment(&self.pieces, normalized),
        }
    }

    /// Returns an empty text to which the texts of ids are appended.
    pub(crate) fn text(&self) -> TextBuilder<'_> {
        TextBuilder::new(&self.pieces, &self.normalizer, self.denormalizer.as_ref())
    }
}
