use std::fmt;
use std::sync::Arc;

/// Converts text to token ids.
pub trait Tokenize {
    /// Returns the token ids of a text, the end-of-sentence token last.
    ///
    /// # Errors
    ///
    /// Returns [`TokenizeError`] if the text cannot be tokenized.
    fn tokenize(&self, text: &str) -> Result<Vec<u32>, TokenizeError>;

    /// Returns the token ids of several texts, in order.
    ///
    /// # Errors
    ///
    /// As [`tokenize`](Self::tokenize).
    fn tokenize_all(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, TokenizeError> {
        texts.iter().map(|text| self.tokenize(text)).collect()
    }

    /// Returns the inverse conversion, if supported. It is needed to evaluate generated text.
    fn detokenizer(&self) -> Option<Arc<dyn Detokenize + Send + Sync>> {
        None
    }

    /// Returns the token for text outside the vocabulary, if there is one and it is known.
    fn unknown_token(&self) -> Option<u32> {
        None
    }
}

/// Converts token ids to text.
pub trait Detokenize {
    /// Returns the text of tokens, without end of sentence, padding and other special tokens.
    ///
    /// # Errors
    ///
    /// Returns [`DetokenizeError`] if the tokens are invalid.
    fn detokenize(&self, ids: &[u32]) -> Result<String, DetokenizeError>;
}

/// Token ids that cannot be detokenized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetokenizeError {
    message: String,
}

impl DetokenizeError {
    /// Creates an error with the message of the tokenizer.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string() }
    }
}

impl fmt::Display for DetokenizeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot detokenize: {}", self.message)
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

    fn unknown_token(&self) -> Option<u32> {
        (**self).unknown_token()
    }
}

/// A text that cannot be tokenized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizeError {
    message: String,
}

impl TokenizeError {
    /// Creates an error with the message of the tokenizer.
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

/// Adapter from a function to [`Tokenize`].
#[derive(Clone, Copy, Debug)]
pub struct TokenizeFn<F>(pub F);

impl<F: Fn(&str) -> Result<Vec<u32>, TokenizeError>> Tokenize for TokenizeFn<F> {
    fn tokenize(&self, text: &str) -> Result<Vec<u32>, TokenizeError> {
        (self.0)(text)
    }
}

/// Adapter that appends the end-of-sentence token if the tokenizer doesn't.
///
/// Some `tokenizer.json` files have no post-processing step that appends it.
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

    fn unknown_token(&self) -> Option<u32> {
        self.tokenizer.unknown_token()
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

/// Adds the special tokens of `tokenizer.json`, for T5 the end of sentence.
#[cfg(feature = "tokenizers")]
impl Tokenize for tokenizers::Tokenizer {
    fn tokenize(&self, text: &str) -> Result<Vec<u32>, TokenizeError> {
        let encoding = self.encode_fast(text, true).map_err(TokenizeError::new)?;
        Ok(encoding.get_ids().to_vec())
    }

    fn tokenize_all(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, TokenizeError> {
        // Separately: batches are padded if `tokenizer.json` has a padding configuration.
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

/// Truncates tokens to a maximum length, at least 1, and keeps the last one: the end of sentence.
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
