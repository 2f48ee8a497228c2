use serde::Deserialize;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::sequence::Sequence;
use tokenizers::{AddedToken, Tokenizer};

use crate::error::TokenizerFileError;
use crate::tokenizer::json::component::{Component, Growth, Result};
use crate::tokenizer::json::decoder::decoder;
use crate::tokenizer::json::model::{Built, Model};
use crate::tokenizer::json::normalizer::normalizer;
use crate::tokenizer::json::post_processor::{Surrounding, surrounding};
use crate::tokenizer::json::pre_tokenizer::pre_tokenizer;

/// Largest ratio of the lengths of a text after and before its normalization and the marking of
/// spaces. T5's normalizer has 11, its pre-tokenizer 4.
const MAX_GROWTH: u64 = 1_024;

/// A parsed `tokenizer.json`. Padding and truncation are ignored: they would change ids silently.
#[derive(Debug, Deserialize)]
pub(crate) struct TokenizerFile {
    added_tokens: Option<Vec<AddedToken>>,
    normalizer: Option<Component>,
    pre_tokenizer: Option<Component>,
    post_processor: Option<Component>,
    decoder: Option<Component>,
    model: Model,
}

/// The parts of a tokenizer.
pub(crate) struct Parts {
    /// The tokenizer, without post-processor and added tokens.
    pub(crate) tokenizer: Tokenizer,
    pub(crate) added_tokens: Vec<AddedToken>,
    /// Ids that the post-processor adds.
    pub(crate) surrounding: Option<Surrounding>,
    /// Id of the token for unknown text.
    pub(crate) unknown: Option<u32>,
}

impl TokenizerFile {
    /// Builds the tokenizer of a file of the given size.
    pub(crate) fn build(self, file_size: usize) -> Result<Parts> {
        let Built { model, unknown, lacks_byte_fallback } = self.model.build(file_size)?;
        let mut tokenizer = Tokenizer::new(model);
        let mut growth = Growth::new("normalizer or pre-tokenizer", MAX_GROWTH);
        if let Some(component) = self.normalizer {
            let normalizer = normalizer(component, &mut growth)?;
            tokenizer.with_normalizer(Some(normalizer)).map_err(|_| no_normalizer())?;
        }
        if let Some(component) = self.pre_tokenizer {
            tokenizer.with_pre_tokenizer(Some(pre_tokenizer(component, &mut growth)?));
        }
        let decoder = self.decoder.map(decoder).transpose()?;
        let bytes = lacks_byte_fallback.then(|| DecoderWrapper::ByteFallback(ByteFallback::new()));
        tokenizer.with_decoder(match (bytes, decoder) {
            (Some(bytes), decoder) => {
                let decoders = std::iter::once(bytes).chain(decoder).collect();
                Some(DecoderWrapper::Sequence(Sequence::new(decoders)))
            }
            (None, decoder) => decoder,
        });
        Ok(Parts {
            tokenizer,
            added_tokens: self.added_tokens.unwrap_or_default(),
            surrounding: self.post_processor.map(surrounding).transpose()?,
            unknown,
        })
    }
}

/// Returns the error that the library refuses a normalizer.
fn no_normalizer() -> TokenizerFileError {
    Component::default().unusable("file", "normalizer", "a usable one", "another")
}
