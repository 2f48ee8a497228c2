use std::fmt;
use std::sync::Arc;

/// Turns text into the numbers of its tokens.
pub trait Encode {
    /// The tokens of a text, the end-of-sentence token last.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the text cannot be tokenized.
    fn encode(&self, text: &str) -> Result<Vec<u32>, EncodeError>;

    /// The tokens of many texts, in their order.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    fn encode_all(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, EncodeError> {
        texts.iter().map(|text| self.encode(text)).collect()
    }

    /// What turns its tokens back into text, for whoever judges what a model says; none where there is no such thing.
    fn decoder(&self) -> Option<Arc<dyn Decode + Send + Sync>> {
        None
    }
}

/// Turns the numbers of tokens back into text.
pub trait Decode {
    /// The text of tokens, without the end of sentence, padding and other special tokens.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the tokens have no text.
    fn decode(&self, ids: &[u32]) -> Result<String, DecodeError>;
}

/// A tokenizer could not turn tokens back into text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    message: String,
}

impl DecodeError {
    /// An error with the tokenizer's own words.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string() }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot turn tokens into text: {}", self.message)
    }
}

impl std::error::Error for DecodeError {}

impl<E: Encode + ?Sized> Encode for &E {
    fn encode(&self, text: &str) -> Result<Vec<u32>, EncodeError> {
        (**self).encode(text)
    }

    fn encode_all(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, EncodeError> {
        (**self).encode_all(texts)
    }

    fn decoder(&self) -> Option<Arc<dyn Decode + Send + Sync>> {
        (**self).decoder()
    }
}

/// A tokenizer said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError {
    message: String,
}

impl EncodeError {
    /// An error with the tokenizer's own words.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string() }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot tokenize: {}", self.message)
    }
}

impl std::error::Error for EncodeError {}

/// A function as a tokenizer.
#[derive(Clone, Copy, Debug)]
pub struct EncodeFn<F>(pub F);

impl<F: Fn(&str) -> Result<Vec<u32>, EncodeError>> Encode for EncodeFn<F> {
    fn encode(&self, text: &str) -> Result<Vec<u32>, EncodeError> {
        (self.0)(text)
    }
}

/// A tokenizer that may forget the end-of-sentence token, and the token.
///
/// Some `tokenizer.json` files have no step that appends it. Tokens that end in it already stay as they are.
#[derive(Clone, Copy, Debug)]
pub struct WithEndOfSentence<E> {
    /// The tokenizer.
    pub encoder: E,
    /// The end-of-sentence token.
    pub end_of_sentence: u32,
}

impl<E: Encode> Encode for WithEndOfSentence<E> {
    fn encode(&self, text: &str) -> Result<Vec<u32>, EncodeError> {
        Ok(self.end(self.encoder.encode(text)?))
    }

    fn encode_all(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, EncodeError> {
        Ok(self.encoder.encode_all(texts)?.into_iter().map(|ids| self.end(ids)).collect())
    }

    fn decoder(&self) -> Option<Arc<dyn Decode + Send + Sync>> {
        self.encoder.decoder()
    }
}

impl<E> WithEndOfSentence<E> {
    fn end(&self, mut ids: Vec<u32>) -> Vec<u32> {
        if ids.last() != Some(&self.end_of_sentence) {
            ids.push(self.end_of_sentence);
        }
        ids
    }
}

/// With the special tokens that the tokenizer's own file adds: the end of sentence, for T5's.
#[cfg(feature = "tokenizers")]
impl Encode for tokenizers::Tokenizer {
    fn encode(&self, text: &str) -> Result<Vec<u32>, EncodeError> {
        let encoding = self.encode_fast(text, true).map_err(EncodeError::new)?;
        Ok(encoding.get_ids().to_vec())
    }

    fn encode_all(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, EncodeError> {
        // One by one: a batch would be padded where the tokenizer's file says so.
        texts.iter().map(|text| Encode::encode(self, text)).collect()
    }

    fn decoder(&self) -> Option<Arc<dyn Decode + Send + Sync>> {
        Some(Arc::new(self.clone()))
    }
}

#[cfg(feature = "tokenizers")]
impl Decode for tokenizers::Tokenizer {
    fn decode(&self, ids: &[u32]) -> Result<String, DecodeError> {
        (**self).decode(ids, true).map_err(DecodeError::new)
    }
}

/// Shortens tokens to a length, at least 1, by taking away those before the last: the end of sentence stays.
///
/// ```
/// let mut ids = vec![7, 8, 9, 1];
/// mtpt_tasks::truncate(&mut ids, 3);
/// assert_eq!(ids, [7, 8, 1]);
/// ```
pub fn truncate(ids: &mut Vec<u32>, length: usize) {
    let length = length.max(1);
    if let Some(&last) = ids.last()
        && ids.len() > length
    {
        ids.truncate(length - 1);
        ids.push(last);
    }
}
