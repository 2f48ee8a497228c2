use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use mtpt_t5::{T5Config, T5Tokenizer};
use mtpt_tasks::{Detokenize, DetokenizeError, Tokenize, TokenizeError};

/// The tokenizer of a T5, which tasks can use.
///
/// Dereferences to the [`T5Tokenizer`].
#[derive(Clone, Debug)]
pub struct ModelTokenizer(Arc<T5Tokenizer>);

impl ModelTokenizer {
    /// Reads the tokenizer of a model's folder, like [`T5Tokenizer::load`].
    ///
    /// # Errors
    ///
    /// As [`T5Tokenizer::load`].
    pub fn load(folder: &Path, config: &T5Config) -> mtpt_t5::Result<Self> {
        T5Tokenizer::load(folder, config).map(Self::from)
    }
}

impl From<T5Tokenizer> for ModelTokenizer {
    fn from(tokenizer: T5Tokenizer) -> Self {
        Self(Arc::new(tokenizer))
    }
}

impl Deref for ModelTokenizer {
    type Target = T5Tokenizer;

    fn deref(&self) -> &T5Tokenizer {
        &self.0
    }
}

impl Tokenize for ModelTokenizer {
    fn tokenize(&self, text: &str) -> Result<Vec<u32>, TokenizeError> {
        self.encode(text).map_err(TokenizeError::new)
    }

    fn detokenizer(&self) -> Option<Arc<dyn Detokenize + Send + Sync>> {
        Some(Arc::new(self.clone()))
    }

    fn unknown_token(&self) -> Option<u32> {
        self.unknown_id()
    }
}

impl Detokenize for ModelTokenizer {
    fn detokenize(&self, ids: &[u32]) -> Result<String, DetokenizeError> {
        self.decode(ids).map_err(DetokenizeError::new)
    }
}
