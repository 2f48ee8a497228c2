use std::collections::VecDeque;

use crate::error::SentencePieceError;

/// Replacement rules of a normalizer, `precompiled_charsmap`.
///
/// The file has the size of a double-array trie (Darts) in bytes, the trie, and the replacements,
/// each ending with a NUL. The trie maps the left side of a rule to the start of its replacement.
#[derive(Clone, Debug)]
pub(crate) struct Charsmap {
    units: Vec<u32>,
    replacements: String,
}

/// Largest number of bytes of a replacement. Unicode's normalization forms have at most 33.
const MAX_REPLACEMENT: usize = 1_000;

impl Charsmap {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, SentencePieceError> {
        let invalid = |expected| SentencePieceError::Charsmap { expected };
        let (size, rest) =
            bytes.split_first_chunk().ok_or_else(|| invalid("the size of a trie"))?;
        let size = u32::from_le_bytes(*size) as usize;
        let (trie, replacements) = rest
            .split_at_checked(size)
            .filter(|_| size > 0 && size.is_multiple_of(4))
            .ok_or_else(|| invalid("a trie of the given size"))?;
        let replacements =
            str::from_utf8(replacements).map_err(|_| invalid("replacements in UTF-8"))?.to_owned();
        if replacements.split('\0').any(|replacement| replacement.len() > MAX_REPLACEMENT) {
            return Err(invalid("replacements of at most 1,000 bytes"));
        }
        let (units, _) = trie.as_chunks();
        Ok(Self {
            units: units.iter().map(|unit| u32::from_le_bytes(*unit)).collect(),
            replacements,
        })
    }

    /// Returns the largest ratio of the lengths of a replacement and the left side of its rule, or
    /// `None` if a text could lead to a position outside the trie or the replacements.
    pub(crate) fn largest_growth(&self) -> Option<usize> {
        // All units that a label leads to, by the position from which it does.
        let mut children: Vec<(usize, usize)> = (0..)
            .zip(&self.units)
            .filter_map(|(position, unit)| {
                let byte = u8::try_from(label(*unit)).ok().filter(|byte| *byte > 0)?;
                Some((position ^ usize::from(byte), position))
            })
            .collect();
        children.sort_unstable();
        let root = offset(*self.units.first()?);
        let mut is_visited = vec![false; self.units.len()];
        let mut pending = VecDeque::from([(root, 1)]);
        let mut growth = 1;
        while let Some((position, length)) = pending.pop_front() {
            // Any byte may follow.
            if position | 0xff >= self.units.len() {
                return None;
            }
            if std::mem::replace(&mut is_visited[position], true) {
                continue;
            }
            let first = children.partition_point(|(from, _)| *from < position);
            for &(from, child) in &children[first..] {
                if from != position {
                    break;
                }
                let node = self.units[child];
                let next = child ^ offset(node);
                if has_value(node) {
                    let start = value(*self.units.get(next)?);
                    let replacement = self.replacements.get(start..)?;
                    let end = replacement.find('\0').unwrap_or(replacement.len());
                    growth = growth.max(end.div_ceil(length));
                }
                pending.push_back((next, length + 1));
            }
        }
        Some(growth)
    }

    /// Returns the longest rule whose left side the text starts with: the number of bytes to
    /// replace, and the replacement.
    ///
    /// Positions outside the file's trie or replacements match nothing.
    pub(crate) fn longest_rule(&self, text: &str) -> Option<(usize, &str)> {
        let unit = |position: usize| self.units.get(position).copied();
        let mut position = offset(unit(0)?);
        let mut longest = None;
        for (byte, length) in text.bytes().zip(1..) {
            position ^= usize::from(byte);
            let Some(node) = unit(position).filter(|&node| label(node) == u32::from(byte)) else {
                break;
            };
            position ^= offset(node);
            if has_value(node)
                && text.is_char_boundary(length)
                && let Some(start) = unit(position).map(value)
                && let Some(replacement) = self.replacements.get(start..)
            {
                let end = replacement.find('\0').unwrap_or(replacement.len());
                longest = Some((length, &replacement[..end]));
            }
        }
        longest
    }
}

// Fields of a unit, see `DoubleArrayUnit` of Darts-clone.

fn has_value(unit: u32) -> bool {
    unit >> 8 & 1 == 1
}

fn value(unit: u32) -> usize {
    (unit & !(1 << 31)) as usize
}

fn label(unit: u32) -> u32 {
    unit & (1 << 31 | 0xff)
}

fn offset(unit: u32) -> usize {
    ((unit >> 10) << ((unit & 1 << 9) >> 6)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_files_are_rejected() {
        let message = |bytes: &[u8]| Charsmap::parse(bytes).unwrap_err().to_string();
        assert!(message(&[1, 0]).contains("the size of a trie"));
        assert!(message(&[8, 0, 0, 0, 1, 2]).contains("a trie of the given size"));
        assert!(message(&[3, 0, 0, 0, 1, 2, 3, 4]).contains("a trie of the given size"));
        assert!(message(&[4, 0, 0, 0, 0, 0, 0, 0, 0xff]).contains("replacements in UTF-8"));
    }

    /// Returns a file with a trie of 256 units, the given ones at their positions.
    fn file(units: &[(usize, u32)], replacements: &[u8]) -> Vec<u8> {
        let mut trie = [0_u32; 256];
        for (position, unit) in units {
            trie[*position] = *unit;
        }
        let trie = trie.into_iter().flat_map(u32::to_le_bytes);
        1024_u32.to_le_bytes().into_iter().chain(trie).chain(replacements.iter().copied()).collect()
    }

    #[test]
    fn growth_is_that_of_the_longest_replacement() {
        let growth = |units: &[(usize, u32)], replacements: &[u8]| {
            Charsmap::parse(&file(units, replacements)).unwrap().largest_growth()
        };
        let node = |byte: u8| 1 << 10 | 1 << 8 | u32::from(byte);
        // `a`, whose value is at 96.
        let a = usize::from(b'a');
        assert_eq!(growth(&[(a, node(b'a')), (a ^ 1, 2)], b"x\0five!\0"), Some(5));
        assert_eq!(growth(&[(a, node(b'a')), (a ^ 1, 9)], b"x\0five!\0"), None);
        assert_eq!(growth(&[(a, node(b'a')), (a ^ 1, 1)], "ä\0".as_bytes()), None);
        assert_eq!(growth(&[], b""), Some(1));
        // The position after `a`, and the first one.
        assert_eq!(growth(&[(a, 1 << 18 | u32::from(b'a'))], b""), None);
        assert_eq!(growth(&[(0, 1 << 18)], b""), None);
        // A loop.
        assert_eq!(growth(&[(a, u32::from(a as u8) | (a as u32) << 10)], b""), Some(1));
    }

    #[test]
    fn long_replacements_are_rejected() {
        let long = [b"x".repeat(1001), vec![0]].concat();
        let message = Charsmap::parse(&file(&[], &long)).unwrap_err().to_string();
        assert!(message.contains("replacements of at most 1,000 bytes"), "{message}");
        assert!(Charsmap::parse(&file(&[], &long[1..])).is_ok());
    }

    #[test]
    fn positions_outside_the_file_match_nothing() {
        // Every unit refers far beyond the trie, and every value far beyond the replacements.
        for unit in [u32::MAX, 0x7fff_ffff, 0x0000_0161, 0xffff_fc61] {
            let mut bytes = 512_u32.to_le_bytes().to_vec();
            bytes.extend(std::iter::repeat_n(unit.to_le_bytes(), 128).flatten());
            bytes.extend(b"x\0");
            let charsmap = Charsmap::parse(&bytes).unwrap();
            for text in ["a", "aaaa", "", "日本", "\0"] {
                assert!(charsmap.longest_rule(text).is_none_or(|(length, _)| length <= text.len()));
            }
        }
    }
}
