//! Tokens that a model folder adds to the pieces of its tokenizer.

mod declarations;
mod json_fields;
mod search;

pub(crate) use declarations::{Declarations, DeclaredToken};
pub(crate) use search::{AddedTokens, Part};
