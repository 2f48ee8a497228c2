//! Tokens that a model folder adds to the pieces of its tokenizer.

mod declarations;
mod json_fields;
mod patterns;
mod search;

pub(crate) use declarations::Declarations;
pub(crate) use json_fields::JsonFields;
pub(crate) use patterns::check_patterns;
pub(crate) use search::{AddedTokens, Part};
