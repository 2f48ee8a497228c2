//! Texts that end a generated text.

use mtpt::ModelTokenizer;

use crate::error::Result;

/// Texts one of which ends a generated text, and the tokenizer that finds them.
pub(crate) struct StopStrings {
    texts: Vec<String>,
    tokenizer: ModelTokenizer,
}

impl StopStrings {
    pub(crate) fn new(texts: Vec<String>, tokenizer: ModelTokenizer) -> Self {
        Self { texts, tokenizer }
    }

    /// Returns whether the text of tokens contains one of the texts.
    ///
    /// Tokens without text, which are an error later, contain none.
    pub(crate) fn ends(&self, ids: &[u32]) -> bool {
        let contains = |text: String| self.position(&text).is_some();
        self.tokenizer.decode(ids).is_ok_and(contains)
            || self.tokenizer.decode_with_special_tokens(ids).is_ok_and(contains)
    }

    /// Returns the text of tokens before the first of the texts.
    pub(crate) fn text(&self, ids: &[u32]) -> Result<String> {
        let mut text = self.tokenizer.decode(ids)?;
        if let Some(position) = self.position(&text) {
            text.truncate(position);
            return Ok(text);
        }
        // The stop string has special tokens, which the text does not show.
        let mut kept = ids.len();
        if let Some(position) = self.position(&self.tokenizer.decode_with_special_tokens(ids)?) {
            while kept > 0
                && self.tokenizer.decode_with_special_tokens(&ids[..kept])?.len() > position
            {
                kept -= 1;
            }
        }
        Ok(self.tokenizer.decode(&ids[..kept])?)
    }

    /// Returns the position of the first of the texts.
    fn position(&self, text: &str) -> Option<usize> {
        self.texts
            .iter()
            .filter(|stop| !stop.is_empty())
            .filter_map(|stop| text.find(stop.as_str()))
            .min()
    }
}
