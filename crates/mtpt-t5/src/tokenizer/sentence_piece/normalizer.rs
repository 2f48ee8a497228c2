use crate::error::SentencePieceError;
use crate::tokenizer::sentence_piece::charsmap::Charsmap;
use crate::tokenizer::sentence_piece::proto::NormalizerSpec;
use crate::tokenizer::sentence_piece::trie::Trie;

/// Mark of a space in pieces, U+2581.
pub(crate) const SPACE: char = '▁';

/// The step from text to the text that is split into pieces: replacement rules, then spaces.
#[derive(Clone, Debug)]
pub(crate) struct Normalizer {
    charsmap: Option<Charsmap>,
    /// Symbols that no rule changes.
    user_defined: Trie,
    add_dummy_prefix: bool,
    remove_extra_whitespaces: bool,
    escape_whitespaces: bool,
    /// Whether the dummy prefix is a suffix.
    whitespace_is_suffix: bool,
}

impl Normalizer {
    pub(crate) fn new(
        spec: &NormalizerSpec,
        user_defined: Trie,
        whitespace_is_suffix: bool,
    ) -> Result<Self, SentencePieceError> {
        let charsmap = spec.precompiled_charsmap.as_deref().filter(|bytes| !bytes.is_empty());
        Ok(Self {
            charsmap: charsmap.map(Charsmap::parse).transpose()?,
            user_defined,
            add_dummy_prefix: spec.add_dummy_prefix(),
            remove_extra_whitespaces: spec.remove_extra_whitespaces(),
            escape_whitespaces: spec.escape_whitespaces(),
            whitespace_is_suffix,
        })
    }

    /// Returns whether texts have replacement rules.
    pub(crate) fn has_rules(&self) -> bool {
        self.charsmap.is_some()
    }

    /// Returns whether the space at the start of a decoded text is the normalizer's.
    pub(crate) fn adds_leading_space(&self) -> bool {
        self.add_dummy_prefix || self.remove_extra_whitespaces
    }

    /// Returns whether spaces at the start and end of a text, and repeated ones, are removed.
    pub(crate) fn removes_extra_whitespaces(&self) -> bool {
        self.remove_extra_whitespaces
    }

    /// Applies the replacement rules alone.
    pub(crate) fn replace(&self, text: &str) -> String {
        self.chunks(text).map(|(_, chunk)| chunk).collect()
    }

    /// Returns the text that is split into pieces.
    pub(crate) fn normalize(&self, text: &str) -> String {
        let mut rest = text;
        if self.remove_extra_whitespaces {
            // Unlike below, a rule's replacement is dropped only if it is exactly one space.
            let spaces = self.chunks(text).take_while(|(_, chunk)| *chunk == " ");
            rest = &text[spaces.map(|(length, _)| length).sum()..];
        }
        if rest.is_empty() {
            return String::new();
        }
        let space = if self.escape_whitespaces { SPACE } else { ' ' };
        let mut normalized = String::with_capacity(rest.len() * 2);
        if self.add_dummy_prefix && !self.whitespace_is_suffix {
            normalized.push(space);
        }
        let mut after_space = self.remove_extra_whitespaces;
        for (_, chunk) in self.chunks(rest) {
            let chunk = if after_space { chunk.trim_start_matches(' ') } else { chunk };
            if chunk.is_empty() {
                continue;
            }
            normalized.extend(chunk.chars().map(|char| if char == ' ' { space } else { char }));
            after_space = self.remove_extra_whitespaces && chunk.ends_with(' ');
        }
        if self.remove_extra_whitespaces {
            normalized.truncate(normalized.trim_end_matches(space).len());
        }
        if self.add_dummy_prefix && self.whitespace_is_suffix {
            normalized.push(space);
        }
        normalized
    }

    /// Returns the chunks of a text: the number of bytes of each, and their replacement.
    ///
    /// A chunk is a user-defined symbol, the left side of the longest rule, or a character.
    fn chunks<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
        let mut rest = text;
        std::iter::from_fn(move || {
            let length = rest.chars().next()?.len_utf8();
            let (length, chunk) = if let Some(length) = self.user_defined.longest_prefix(rest) {
                (length, &rest[..length])
            } else {
                let rule = self.charsmap.as_ref().and_then(|charsmap| charsmap.longest_rule(rest));
                rule.unwrap_or((length, &rest[..length]))
            };
            rest = &rest[length..];
            Some((length, chunk))
        })
    }
}
