use std::fmt;
use std::sync::Arc;

/// Turns text into the numbers of its tokens.
pub trait Tokenize {
    /// The tokens of a text, the end-of-sentence token last.
    ///
    /// # Errors
    ///
    /// [`TokenizeError`] if the text cannot be tokenized.
    fn tokenize(&self, text: &str) -> Result<Vec<u32>, TokenizeError>;

    /// The tokens of many texts, in their order.
    ///
    /// # Errors
    ///
    /// As [`tokenize`](Self::tokenize).
    fn tokenize_all(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, TokenizeError> {
        texts.iter().map(|text| self.tokenize(text)).collect()
    }

    /// What turns its tokens back into text, for whoever judges what a model says; none where there
    /// is no such thing.
    fn detokenizer(&self) -> Option<Arc<dyn Detokenize + Send + Sync>> {
        None
    }
}

/// Turns the numbers of tokens back into text.
pub trait Detokenize {
    /// The text of tokens, without the end of sentence, padding and other special tokens.
    ///
    /// # Errors
    ///
    /// [`DetokenizeError`] if the tokens have no text.
    fn detokenize(&self, ids: &[u32]) -> Result<String, DetokenizeError>;
}

/// A tokenizer could not turn tokens back into text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetokenizeError {
    message: String,
}

impl DetokenizeError {
    /// An error with the tokenizer's own words.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string() }
    }
}

impl fmt::Display for DetokenizeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot turn tokens into text: {}", self.message)
    }
}

impl std::error::Error for DetokenizeError {}

impl<E: Tokenize + ?Sized> Tokenize for &E {
    fn tokenize(&self, text: &str) -> Result<Vec<u32>, TokenizeError> {
        (**self).tokenize(text)
    }

    fn tokenize_all(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, TokenizeError> {
        (**self).tokenize_all(texts)
    }

    fn detokenizer(&self) -> Option<Arc<dyn Detokenize + Send + Sync>> {
        (**self).detokenizer()
    }
}

/// A tokenizer said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizeError {
    message: String,
}

impl TokenizeError {
    /// An error with the tokenizer's own words.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string() }
    }
}

impl fmt::Display for TokenizeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot tokenize: {}", self.message)
    }
}

impl std::error::Error for TokenizeError {}

/// A function as a tokenizer.
#[derive(Clone, Copy, Debug)]
pub struct TokenizeFn<F>(pub F);

impl<F: Fn(&str) -> Result<Vec<u32>, TokenizeError>> Tokenize for TokenizeFn<F> {
    fn tokenize(&self, text: &str) -> Result<Vec<u32>, TokenizeError> {
        (self.0)(text)
    }
}

/// A tokenizer that may forget the end-of-sentence token, and the token.
///
/// Some `tokenizer.json` files have no step that appends it. Tokens that end in it already stay as
/// they are.
#[derive(Clone, Copy, Debug)]
pub struct WithEndOfSentence<E> {
    /// The tokenizer.
    pub tokenizer: E,
    /// The end-of-sentence token.
    pub end_of_sentence: u32,
}

impl<E: Tokenize> Tokenize for WithEndOfSentence<E> {
    fn tokenize(&self, text: &str) -> Result<Vec<u32>, TokenizeError> {
        Ok(self.end(self.tokenizer.tokenize(text)?))
    }

    fn tokenize_all(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, TokenizeError> {
        Ok(self.tokenizer.tokenize_all(texts)?.into_iter().map(|ids| self.end(ids)).collect())
    }

    fn detokenizer(&self) -> Option<Arc<dyn Detokenize + Send + Sync>> {
        self.tokenizer.detokenizer()
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
impl Tokenize for tokenizers::Tokenizer {
    fn tokenize(&self, text: &str) -> Result<Vec<u32>, TokenizeError> {
        let encoding = self.encode_fast(text, true).map_err(TokenizeError::new)?;
        Ok(encoding.get_ids().to_vec())
    }

    fn tokenize_all(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, TokenizeError> {
        // One by one: a batch would be padded where the tokenizer's file says so.
        texts.iter().map(|text| Tokenize::tokenize(self, text)).collect()
    }

    fn detokenizer(&self) -> Option<Arc<dyn Detokenize + Send + Sync>> {
        Some(Arc::new(self.clone()))
    }
}

#[cfg(feature = "tokenizers")]
impl Detokenize for tokenizers::Tokenizer {
    fn detokenize(&self, ids: &[u32]) -> Result<String, DetokenizeError> {
        (**self).decode(ids, true).map_err(DetokenizeError::new)
    }
}

/// Shortens tokens to a length, at least 1, by taking away those before the last: the end of
/// sentence stays.
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
