/// A file that is not a valid SentencePiece model, or one of an unsupported type.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SentencePieceError {
    /// The file has no pieces.
    #[error("the file is not a SentencePiece model")]
    NoModel,

    /// The model splits texts in an unsupported way.
    #[error("the model must be of type unigram or bpe, but is of type {found}")]
    ModelType {
        /// Name of the type.
        found: &'static str,
    },

    /// A piece has no text.
    #[error("piece {id} has no text")]
    EmptyPiece {
        /// Id of the piece.
        id: u32,
    },

    /// A piece has too many characters.
    #[error("piece {id} must have at most {limit} bytes, but has {found}")]
    LongPiece {
        /// Id of the piece.
        id: u32,
        /// Number of its bytes.
        found: usize,
        /// The largest number.
        limit: usize,
    },

    /// Two pieces have the same text.
    #[error("pieces {first} and {second} have the same text, `{piece}`")]
    SamePiece {
        /// The text.
        piece: String,
        /// Id of the first one.
        first: u32,
        /// Id of the second one.
        second: u32,
    },

    /// The type of a piece is unknown.
    #[error("piece {id}, `{piece}`, must have a type from 1 to 6, but has type {found}")]
    PieceType {
        /// Id of the piece.
        id: u32,
        /// Its text.
        piece: String,
        /// Number of the type.
        found: i32,
    },

    /// The score of a piece is not finite.
    #[error("piece {id}, `{piece}`, must have a finite score, but has {found}")]
    Score {
        /// Id of the piece.
        id: u32,
        /// Its text.
        piece: String,
        /// The score.
        found: f32,
    },

    /// There is no piece for unknown text.
    #[error("the model has no piece of type unknown")]
    NoUnknown,

    /// There are several pieces for unknown text.
    #[error("the model has two pieces of type unknown, {first} and {second}")]
    SeveralUnknown {
        /// Id of the first one.
        first: u32,
        /// Id of the second one.
        second: u32,
    },

    /// A byte piece has another name than a byte, or the model has no byte fallback.
    #[error(
        "piece {id}, `{piece}`, is of type byte, but is not a byte of a model with byte fallback"
    )]
    BytePiece {
        /// Id of the piece.
        id: u32,
        /// Its text.
        piece: String,
    },

    /// A model with byte fallback has no piece for a byte.
    #[error("the model has byte fallback, but no piece `<0x{byte:02X}>`")]
    MissingByte {
        /// The byte.
        byte: u8,
    },

    /// The replacement rules are invalid.
    #[error("the normalizer's `precompiled_charsmap` must have {expected}")]
    Charsmap {
        /// The missing part.
        expected: &'static str,
    },
}
