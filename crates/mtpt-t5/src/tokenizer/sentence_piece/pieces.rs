use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::error::SentencePieceError;
use crate::tokenizer::sentence_piece::proto::PieceProto;
use crate::tokenizer::sentence_piece::trie::Trie;

/// Largest number of bytes of a piece. The trainer accepts up to 512 characters,
/// `max_sentencepiece_length`. Every position of a text is compared with pieces of all lengths.
pub(crate) const MAX_PIECE_LENGTH: usize = 2_048;

/// Purpose of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PieceKind {
    Normal,
    /// Replaces text without pieces.
    Unknown,
    /// Has no text, like the end token.
    Control,
    /// Text that is never split or changed.
    UserDefined,
    /// Text that is split into other pieces.
    Unused,
    /// One byte of a character without piece.
    Byte,
}

/// An entry of the vocabulary.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) score: f32,
    pub(crate) kind: PieceKind,
}

/// The vocabulary of a SentencePiece model.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    pieces: Vec<Piece>,
    /// Ids of the pieces that are part of texts.
    texts: HashMap<String, u32>,
    /// Ids of the others.
    reserved: HashMap<String, u32>,
    unknown: u32,
    /// Ids of the byte pieces, if characters without piece are split into bytes.
    bytes: Option<Vec<u32>>,
}

impl Pieces {
    /// Checks the pieces of a file.
    pub(crate) fn new(
        protos: Vec<PieceProto>,
        byte_fallback: bool,
    ) -> Result<Self, SentencePieceError> {
        let (mut texts, mut reserved) = (HashMap::new(), HashMap::new());
        let mut pieces = Vec::with_capacity(protos.len());
        let mut unknown = None;
        let mut bytes = [None; 256];
        for (id, proto) in (0..).zip(protos) {
            let piece = Piece::new(id, proto)?;
            let names = if piece.kind.is_text() { &mut texts } else { &mut reserved };
            match names.entry(piece.text.clone()) {
                Entry::Vacant(entry) => entry.insert(id),
                Entry::Occupied(entry) => {
                    let (first, piece) = (*entry.get(), piece.text);
                    return Err(SentencePieceError::SamePiece { piece, first, second: id });
                }
            };
            match piece.kind {
                PieceKind::Unknown => {
                    if let Some(first) = unknown.replace(id) {
                        return Err(SentencePieceError::SeveralUnknown { first, second: id });
                    }
                }
                PieceKind::Byte => {
                    let byte = byte_of(&piece.text).filter(|_| byte_fallback);
                    let Some(byte) = byte else {
                        return Err(SentencePieceError::BytePiece { id, piece: piece.text });
                    };
                    bytes[usize::from(byte)] = Some(id);
                }
                _ => {}
            }
            pieces.push(piece);
        }
        let unknown = unknown.ok_or(SentencePieceError::NoUnknown)?;
        let bytes = byte_fallback.then(|| {
            (0..=255)
                .zip(bytes)
                .map(|(byte, id)| id.ok_or(SentencePieceError::MissingByte { byte }))
                .collect()
        });
        Ok(Self { pieces, texts, reserved, unknown, bytes: bytes.transpose()? })
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Piece> {
        self.pieces.get(id as usize)
    }

    /// Returns the id of the unknown token.
    pub(crate) fn unknown(&self) -> u32 {
        self.unknown
    }

    /// Returns the ids of the byte pieces, if characters without piece are split into bytes.
    pub(crate) fn bytes(&self) -> Option<&[u32]> {
        self.bytes.as_deref()
    }

    /// Returns the id of a piece of any kind.
    pub(crate) fn id(&self, piece: &str) -> Option<u32> {
        self.reserved.get(piece).or_else(|| self.texts.get(piece)).copied()
    }

    /// Returns the id of a piece that can be part of a text.
    pub(crate) fn text_id(&self, piece: &str) -> Option<u32> {
        self.texts.get(piece).copied()
    }

    /// Returns the byte of a byte piece.
    pub(crate) fn byte(&self, id: u32) -> Option<u8> {
        let piece = self.get(id).filter(|piece| piece.kind == PieceKind::Byte)?;
        byte_of(&piece.text)
    }

    /// Returns the trie of the pieces of some kinds.
    pub(crate) fn trie(&self, is_included: impl Fn(PieceKind) -> bool) -> Trie {
        let pieces = self.pieces.iter().zip(0..).filter(|(piece, _)| is_included(piece.kind));
        Trie::new(pieces.map(|(piece, id)| (piece.text.as_str(), id)))
    }

    /// Returns the lowest score of the normal pieces.
    pub(crate) fn lowest_score(&self) -> f32 {
        let normal = self.pieces.iter().filter(|piece| piece.kind == PieceKind::Normal);
        normal.map(|piece| piece.score).fold(f32::MAX, f32::min)
    }
}

impl Piece {
    fn new(id: u32, proto: PieceProto) -> Result<Self, SentencePieceError> {
        let (score, kind) = (proto.score(), proto.kind());
        let text = proto.piece.unwrap_or_default();
        if text.is_empty() {
            return Err(SentencePieceError::EmptyPiece { id });
        }
        if text.len() > MAX_PIECE_LENGTH {
            let (found, limit) = (text.len(), MAX_PIECE_LENGTH);
            return Err(SentencePieceError::LongPiece { id, found, limit });
        }
        let kind = match kind {
            1 => PieceKind::Normal,
            2 => PieceKind::Unknown,
            3 => PieceKind::Control,
            4 => PieceKind::UserDefined,
            5 => PieceKind::Unused,
            6 => PieceKind::Byte,
            found => return Err(SentencePieceError::PieceType { id, piece: text, found }),
        };
        if !score.is_finite() {
            return Err(SentencePieceError::Score { id, piece: text, found: score });
        }
        Ok(Self { text, score, kind })
    }
}

impl PieceKind {
    fn is_text(self) -> bool {
        matches!(self, Self::Normal | Self::UserDefined | Self::Unused)
    }
}

/// Parses the name of a byte piece, like `<0x0A>`.
fn byte_of(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_canonical =
        digits.len() == 2 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    u8::from_str_radix(digits, 16).ok().filter(|_| is_canonical)
}
