use crate::tokenizer::sentence_piece::normalizer::{Normalizer, SPACE};
use crate::tokenizer::sentence_piece::pieces::{PieceKind, Pieces};

/// State of the dummy prefix, a space at the start of a text that decoding drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prefix {
    /// No space was dropped.
    Ahead,
    /// A space was dropped, and further ones at the start will be.
    Dropped,
    /// No further space will be dropped.
    Past,
}

/// Text decoded from pieces and other tokens.
pub(crate) struct TextBuilder<'a> {
    pieces: &'a Pieces,
    normalizer: &'a Normalizer,
    denormalizer: Option<&'a Normalizer>,
    text: String,
    /// Byte pieces that were not appended to the text yet: a character has several.
    bytes: Vec<u8>,
    prefix: Prefix,
}

impl<'a> TextBuilder<'a> {
    pub(crate) fn new(
        pieces: &'a Pieces,
        normalizer: &'a Normalizer,
        denormalizer: Option<&'a Normalizer>,
    ) -> Self {
        Self {
            pieces,
            normalizer,
            denormalizer,
            text: String::new(),
            bytes: Vec::new(),
            prefix: Prefix::Ahead,
        }
    }

    /// Appends a piece. Control pieces and the unknown token have no text.
    pub(crate) fn push_piece(&mut self, id: u32) {
        if let Some(byte) = self.pieces.byte(id) {
            self.bytes.push(byte);
            return;
        }
        self.flush();
        let Some(piece) = self.pieces.get(id) else { return };
        match piece.kind {
            PieceKind::Control => return,
            PieceKind::Unknown => {
                // It counts as text, so that a space after it is not a further one at the start.
                if self.prefix == Prefix::Dropped {
                    self.prefix = Prefix::Past;
                }
                return;
            }
            _ => {}
        }
        let mut text = piece.text.as_str();
        if self.text.is_empty()
            && self.prefix != Prefix::Past
            && self.normalizer.adds_leading_space()
            && let Some(rest) = text.strip_prefix(SPACE)
        {
            text = rest;
            // Where extra spaces are removed, a text has none at its start.
            let removes_extra = self.normalizer.removes_extra_whitespaces();
            self.prefix = if removes_extra { Prefix::Dropped } else { Prefix::Past };
        }
        self.text.extend(text.chars().map(|char| if char == SPACE { ' ' } else { char }));
    }

    /// Appends the text of a token that is not a piece.
    pub(crate) fn push_text(&mut self, text: &str) {
        self.flush();
        self.text.push_str(text);
    }

    /// Returns the text.
    pub(crate) fn finish(mut self) -> String {
        self.flush();
        match self.denormalizer {
            Some(denormalizer) => denormalizer.normalize(&self.text),
            None => self.text,
        }
    }

    /// Appends the characters of byte pieces. Every invalid byte becomes a replacement character.
    fn flush(&mut self) {
        for chunk in self.bytes.utf8_chunks() {
            self.text.push_str(chunk.valid());
            let invalid = chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER);
            self.text.extend(invalid);
        }
        self.bytes.clear();
    }
}
