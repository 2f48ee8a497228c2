//! Tokens that a model folder adds to the pieces of its tokenizer.

mod added_tokens;
mod declarations;
mod json_fields;

pub(crate) use added_tokens::{AddedTokens, Part};
pub(crate) use declarations::{Declarations, DeclaredToken};
