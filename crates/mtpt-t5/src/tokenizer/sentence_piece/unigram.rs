use std::ops::Range;

use crate::tokenizer::sentence_piece::pieces::{PieceKind, Pieces};
use crate::tokenizer::sentence_piece::trie::Trie;

/// Difference between the score of a character without piece and the lowest score.
const UNKNOWN_PENALTY: f32 = 10.0;

/// Score of every byte of a user-defined symbol but the first, so that it is always selected.
const USER_DEFINED_BONUS: f32 = 0.1;

/// Segmentation into the pieces with the highest sum of scores.
#[derive(Clone, Debug)]
pub(crate) struct Unigram {
    trie: Trie,
    lowest_score: f32,
}

/// The best segmentation of the text up to a position.
#[derive(Clone, Copy)]
struct Best {
    id: u32,
    score: f32,
    /// Start of the last piece.
    start: usize,
}

impl Unigram {
    pub(crate) fn new(pieces: &Pieces) -> Self {
        // An unused piece is not part of a segmentation.
        let trie = pieces.trie(|kind| matches!(kind, PieceKind::Normal | PieceKind::UserDefined));
        Self { trie, lowest_score: pieces.lowest_score() }
    }

    /// Returns the pieces of a text and their ids.
    ///
    /// Sums are rounded like sentencepiece's, and the first of several equal ones is preferred,
    /// because segmentations with equal scores are common: `aaa` is `a`, `aa` or `aa`, `a`.
    pub(crate) fn segment(&self, pieces: &Pieces, text: &str) -> Vec<(Range<usize>, u32)> {
        let mut best: Vec<Option<Best>> = vec![None; text.len() + 1];
        for (start, char) in text.char_indices() {
            let score_before = best[start].map_or(0.0, |best| best.score);
            let mut consider = |end: usize, id: u32, score: f32| {
                if best[end].is_none_or(|best| score > best.score) {
                    best[end] = Some(Best { id, score, start });
                }
            };
            let mut has_piece_for_char = false;
            for (length, id) in self.trie.prefixes(&text[start..]) {
                let score = score(pieces, id, length);
                consider(start + length, id, score + score_before);
                has_piece_for_char |= length == char.len_utf8();
            }
            if !has_piece_for_char {
                let score = self.lowest_score - UNKNOWN_PENALTY + score_before;
                consider(start + char.len_utf8(), pieces.unknown(), score);
            }
        }
        let mut segments = Vec::new();
        let mut end = text.len();
        while let Some(Best { id, start, .. }) = best[end] {
            segments.push((start..end, id));
            end = start;
        }
        segments.reverse();
        segments
    }
}

fn score(pieces: &Pieces, id: u32, length: usize) -> f32 {
    match pieces.get(id) {
        Some(piece) if piece.kind == PieceKind::UserDefined => {
            (length - 1) as f32 * USER_DEFINED_BONUS
        }
        piece => piece.map_or(0.0, |piece| piece.score),
    }
}
