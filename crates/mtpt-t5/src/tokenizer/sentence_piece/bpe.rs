use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;

use crate::tokenizer::sentence_piece::pieces::{PieceKind, Pieces};
use crate::tokenizer::sentence_piece::trie::Trie;

/// Segmentation by merging neighbors, those with the highest score first.
#[derive(Clone, Debug)]
pub(crate) struct Bpe {
    /// Symbols that are never merged.
    user_defined: Trie,
}

/// A part of the text; empty after it was merged with the part before.
struct Symbol {
    range: Range<usize>,
    previous: Option<usize>,
    next: Option<usize>,
    is_user_defined: bool,
}

/// A possible merge of two neighbors.
#[derive(PartialEq)]
struct Merge {
    score: f32,
    left: usize,
    right: usize,
    /// Bytes of both; a merge with another length is outdated.
    length: usize,
}

impl Eq for Merge {}

impl Ord for Merge {
    /// The highest score first, then the leftmost.
    fn cmp(&self, other: &Self) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then_with(|| Reverse(self.left).cmp(&Reverse(other.left)))
    }
}

impl PartialOrd for Merge {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The state of a segmentation.
struct Merger<'a> {
    pieces: &'a Pieces,
    text: &'a str,
    symbols: Vec<Symbol>,
    merges: BinaryHeap<Merge>,
    /// Ends of the left parts of merged unused pieces, which are split again at the end.
    unused: HashMap<&'a str, usize>,
}

impl Bpe {
    pub(crate) fn new(pieces: &Pieces) -> Self {
        Self { user_defined: pieces.trie(|kind| kind == PieceKind::UserDefined) }
    }

    /// Returns the pieces of a text and their ids.
    pub(crate) fn segment(&self, pieces: &Pieces, text: &str) -> Vec<(Range<usize>, u32)> {
        let mut merger = Merger {
            pieces,
            text,
            symbols: self.symbols(text),
            merges: BinaryHeap::new(),
            unused: HashMap::new(),
        };
        for right in 1..merger.symbols.len() {
            merger.consider(Some(right - 1), Some(right));
        }
        merger.merge();
        let mut segments = Vec::new();
        let mut next = (!merger.symbols.is_empty()).then_some(0);
        while let Some(symbol) = next.map(|index| &merger.symbols[index]) {
            merger.split_unused(symbol.range.clone(), &mut segments);
            next = symbol.next;
        }
        segments
    }

    /// Splits a text into user-defined symbols and characters.
    fn symbols(&self, text: &str) -> Vec<Symbol> {
        let mut symbols: Vec<Symbol> = Vec::new();
        let mut start = 0;
        while let Some(char) = text[start..].chars().next() {
            let user_defined = self.user_defined.longest_prefix(&text[start..]);
            let end = start + user_defined.unwrap_or(char.len_utf8());
            symbols.push(Symbol {
                range: start..end,
                previous: symbols.len().checked_sub(1),
                next: (end < text.len()).then_some(symbols.len() + 1),
                is_user_defined: user_defined.is_some(),
            });
            start = end;
        }
        symbols
    }
}

impl<'a> Merger<'a> {
    /// Adds the merge of two symbols if the result is a piece.
    fn consider(&mut self, left: Option<usize>, right: Option<usize>) {
        let (Some(left), Some(right)) = (left, right) else { return };
        let (first, second) = (&self.symbols[left], &self.symbols[right]);
        if first.is_user_defined || second.is_user_defined {
            return;
        }
        let merged = &self.text[first.range.start..second.range.end];
        let Some(piece) = self.pieces.text_id(merged).and_then(|id| self.pieces.get(id)) else {
            return;
        };
        if piece.kind == PieceKind::Unused {
            self.unused.insert(merged, first.range.len());
        }
        // `+ 0.0` makes the two zeros equal.
        let score = piece.score + 0.0;
        self.merges.push(Merge { score, left, right, length: merged.len() });
    }

    fn merge(&mut self) {
        while let Some(Merge { left, right, length, .. }) = self.merges.pop() {
            let (first, second) = (&self.symbols[left].range, &self.symbols[right].range);
            if first.is_empty() || second.is_empty() || first.len() + second.len() != length {
                continue;
            }
            let (end, next) = (second.end, self.symbols[right].next);
            self.symbols[right].range = end..end;
            self.symbols[left].range.end = end;
            self.symbols[left].next = next;
            if let Some(next) = next {
                self.symbols[next].previous = Some(left);
            }
            self.consider(self.symbols[left].previous, Some(left));
            self.consider(Some(left), next);
        }
    }

    /// Adds a symbol to the segments, after splitting unused pieces into their parts.
    fn split_unused(&self, range: Range<usize>, segments: &mut Vec<(Range<usize>, u32)>) {
        let mut pending = vec![range];
        while let Some(range) = pending.pop() {
            let piece = &self.text[range.clone()];
            let id = self.pieces.text_id(piece).unwrap_or(self.pieces.unknown());
            let is_unused =
                self.pieces.get(id).is_some_and(|piece| piece.kind == PieceKind::Unused);
            match self.unused.get(piece) {
                Some(left) if is_unused => {
                    let middle = range.start + left;
                    pending.extend([middle..range.end, range.start..middle]);
                }
                _ if is_unused => segments.push((range, self.pieces.unknown())),
                _ => segments.push((range, id)),
            }
        }
    }
}
