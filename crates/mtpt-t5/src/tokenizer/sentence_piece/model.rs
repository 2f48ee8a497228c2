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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::sentence_piece::proto::{NormalizerSpec, PieceProto, TrainerSpec};

    fn piece(text: &str, score: f32, kind: i32) -> PieceProto {
        PieceProto { piece: Some(text.to_owned()), score: Some(score), kind: Some(kind) }
    }

    fn model(model_type: i32, pieces: Vec<PieceProto>) -> ModelProto {
        let trainer = TrainerSpec { model_type: Some(model_type), ..TrainerSpec::default() };
        ModelProto { pieces, trainer: Some(trainer), ..ModelProto::default() }
    }

    fn error(model: &ModelProto) -> String {
        SentencePieceModel::parse(&model.encode_to_vec()).unwrap_err().to_string()
    }

    #[test]
    fn other_types_are_rejected_by_name() {
        let unknown = || vec![piece("<unk>", 0.0, 2)];
        assert_eq!(
            error(&model(4, unknown())),
            "the model must be of type unigram or bpe, but is of type char"
        );
        assert!(error(&model(3, unknown())).contains("word"));
        assert!(error(&model(9, unknown())).contains("unknown"));
    }

    #[test]
    fn invalid_pieces_are_named() {
        let check = |pieces: Vec<PieceProto>, expected: &str| {
            let pieces = [vec![piece("<unk>", 0.0, 2)], pieces].concat();
            assert_eq!(error(&model(1, pieces)), expected);
        };
        check(vec![piece("", 0.0, 1)], "piece 1 has no text");
        check(
            vec![piece("a", 0.0, 1), piece("a", 0.0, 4)],
            "pieces 1 and 2 have the same text, `a`",
        );
        check(vec![piece("a", f32::NAN, 1)], "piece 1, `a`, must have a finite score, but has NaN");
        check(
            vec![piece("a", 0.0, 7)],
            "piece 1, `a`, must have a type from 1 to 6, but has type 7",
        );
        check(vec![piece("<unk2>", 0.0, 2)], "the model has two pieces of type unknown, 0 and 1");
        check(
            vec![piece("<0x41>", 0.0, 6)],
            "piece 1, `<0x41>`, is of type byte, but is not a byte of a model with byte fallback",
        );
        assert_eq!(
            error(&model(1, vec![piece("a", 0.0, 1)])),
            "the model has no piece of type unknown"
        );
        assert_eq!(error(&ModelProto::default()), "the file is not a SentencePiece model");
    }

    #[test]
    fn missing_byte_pieces_are_named() {
        let mut model = model(1, vec![piece("<unk>", 0.0, 2), piece("<0x00>", 0.0, 6)]);
        model.trainer.as_mut().unwrap().byte_fallback = Some(true);
        assert_eq!(error(&model), "the model has byte fallback, but no piece `<0x01>`");
    }

    #[test]
    fn broken_replacement_rules_are_an_error() {
        let mut model = model(1, vec![piece("<unk>", 0.0, 2), piece("a", 0.0, 1)]);
        let precompiled_charsmap = Some(vec![9, 0, 0, 0, 1]);
        model.normalizer = Some(NormalizerSpec { precompiled_charsmap, ..Default::default() });
        assert!(error(&model).contains("`precompiled_charsmap` must have a trie"));
    }
}
