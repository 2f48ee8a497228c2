use std::path::Path;

use tokenizers::AddedToken;

use crate::error::{Result, TokenizerError};

/// Largest number of bytes of an added token. Those of tokenizers have less than 50.
const MAX_LENGTH: usize = 1_000;

/// Largest number of bytes of all added tokens, whose search needs up to 200 bytes of memory for
/// each. 10,000 tokens have 200 kB.
const MAX_TOTAL: usize = 256 << 10;

/// Checks that the library can find added tokens in texts, where it expects tokens with text. The
/// file is the one that declares them.
pub(crate) fn check_patterns<'a>(
    tokens: impl Iterator<Item = &'a AddedToken> + Clone,
    normalize: &dyn Fn(&str) -> String,
    file: &Path,
) -> Result<()> {
    let strips_after = tokens.clone().any(|token| token.rstrip);
    let mut total = 0;
    for token in tokens.filter(|token| !token.content.is_empty()) {
        let (path, content) = (file.to_owned(), token.content.clone());
        if content.len() > MAX_LENGTH {
            let length = content.len();
            return Err(TokenizerError::LongAddedToken { path, length, limit: MAX_LENGTH }.into());
        }
        let normalized = token.normalized.then(|| normalize(&content));
        let pattern = normalized.as_deref().unwrap_or(&content);
        if pattern.is_empty() {
            return Err(TokenizerError::EmptyAddedToken { path, token: content }.into());
        }
        if strips_after && token.lstrip && !token.rstrip && pattern.trim().is_empty() {
            return Err(TokenizerError::StrippedSpaces { path, token: content }.into());
        }
        total += pattern.len();
        if total > MAX_TOTAL {
            return Err(TokenizerError::LongAddedTokens { path, limit: MAX_TOTAL }.into());
        }
    }
    Ok(())
}
