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
        let (units, _) = trie.as_chunks();
        Ok(Self {
            units: units.iter().map(|unit| u32::from_le_bytes(*unit)).collect(),
            replacements,
        })
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
