use std::borrow::Cow;

use tokenizers::AddedToken;

use crate::error::Result;
use crate::tokenizer::added_tokens::{AddedTokens, Declarations, Part};
use crate::tokenizer::sentinel::{BYT5_SENTINELS, number_of, sentinel};

/// The special tokens, whose ids are before those of the bytes.
const SPECIAL: [(&str, &str); 3] =
    [("pad_token", "<pad>"), ("eos_token", "</s>"), ("unk_token", "<unk>")];
/// Id of the byte 0.
const FIRST_BYTE: u32 = SPECIAL.len() as u32;
/// Id of the first sentinel, after the bytes.
const FIRST_SENTINEL: u32 = FIRST_BYTE + 256;

/// ByT5's tokenizer, whose tokens are the bytes of a text. It has no file.
#[derive(Clone, Debug)]
pub(crate) struct ByteTokenizer {
    added: AddedTokens,
    end: u32,
}

impl ByteTokenizer {
    /// Creates the tokenizer with the tokens that a model folder declares.
    pub(crate) fn new(mut declarations: Declarations, vocab_size: usize) -> Result<Self> {
        for (key, content) in SPECIAL {
            // transformers' class strips spaces unless the folder declares the token.
            let token = AddedToken::from(content, true).lstrip(true).rstrip(true);
            declarations.add_default(key, token);
        }
        let sentinels = declarations.extra_ids.unwrap_or(BYT5_SENTINELS);
        let names = (0..sentinels).map(sentinel);
        declarations.add_all(names.map(|name| AddedToken::from(name, true)));
        let known = |content: &str| {
            let special = SPECIAL.iter().position(|(_, special)| *special == content);
            let sentinel = || number_of(content)?.checked_add(FIRST_SENTINEL);
            special.map(|id| id as u32).or_else(sentinel)
        };
        let first_free = FIRST_SENTINEL as usize + sentinels;
        let tokens = declarations.with_ids(known, first_free, vocab_size);
        let added = AddedTokens::new(tokens, &str::to_owned, &declarations.ids_file)?;
        let end = declarations.end.as_deref().and_then(|end| added.id(end));
        Ok(Self { added, end: end.or_else(|| known("</s>")).unwrap_or(1) })
    }

    pub(crate) fn vocab_size(&self) -> usize {
        self.added.highest_id().map_or(0, |id| id + 1).max(FIRST_SENTINEL) as usize
    }

    pub(crate) fn end(&self) -> u32 {
        self.end
    }

    pub(crate) fn set_end(&mut self, end: u32) {
        self.end = end;
    }

    /// Returns the id of an added token.
    pub(crate) fn id(&self, token: &str) -> Option<u32> {
        self.added.id(token)
    }

    /// Returns the ids of a text. An end token in the text is not repeated, like in transformers.
    pub(crate) fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() + 1);
        self.added.split(text, &str::to_owned, |part| match part {
            Part::Text(text) => ids.extend(text.bytes().map(|byte| FIRST_BYTE + u32::from(byte))),
            Part::Token(id) => ids.push(id),
        });
        if ids.last() != Some(&self.end) {
            ids.push(self.end);
        }
        ids
    }

    /// Returns the text of ids. Bytes that are not UTF-8 are omitted, like in transformers.
    pub(crate) fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        let mut bytes = Vec::with_capacity(ids.len());
        for &id in ids {
            match self.added.get(id) {
                Some(token) if token.special && skip_special => {}
                Some(token) => bytes.extend(token.content.bytes()),
                None => bytes
                    .extend(id.checked_sub(FIRST_BYTE).and_then(|byte| u8::try_from(byte).ok())),
            }
        }
        bytes.utf8_chunks().map(|chunk| chunk.valid()).collect()
    }

    /// Returns the text of one token. Bytes that are not visible are written like `<0xE5>`.
    pub(crate) fn token(&self, id: u32) -> Option<Cow<'_, str>> {
        if let Some(token) = self.added.get(id) {
            return Some(Cow::Borrowed(&token.content));
        }
        let byte = u8::try_from(id.checked_sub(FIRST_BYTE)?).ok()?;
        let is_visible = byte.is_ascii_graphic() || byte == b' ';
        let name =
            if is_visible { char::from(byte).to_string() } else { format!("<0x{byte:02X}>") };
        Some(Cow::Owned(name))
    }
}
