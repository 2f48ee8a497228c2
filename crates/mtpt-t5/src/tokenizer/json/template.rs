use std::collections::HashMap;

use serde::Deserialize;

use crate::tokenizer::json::limited::Limited;

/// An entry of a template.
#[derive(Debug, Deserialize)]
pub(crate) enum TemplatePart {
    /// The text, `A`, or the second one of a pair, `B`.
    Sequence {
        id: String,
    },
    SpecialToken {
        id: String,
    },
}

/// A template's special tokens by their names.
pub(crate) type SpecialTokens = HashMap<String, SpecialToken>;

#[derive(Debug, Deserialize)]
pub(crate) struct SpecialToken {
    pub(crate) ids: Limited<u32>,
}
