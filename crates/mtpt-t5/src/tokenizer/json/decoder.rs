use tokenizers::DecoderWrapper;
use tokenizers::decoders::bpe::BPEDecoder;
use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::decoders::sequence::Sequence;
use tokenizers::decoders::strip::Strip;
use tokenizers::decoders::wordpiece::WordPiece;

use crate::error::TokenizerFileError;
use crate::tokenizer::json::component::{Component, Growth, Result, Role, shortened};
use crate::tokenizer::json::normalizer::replace;

const PART: &str = "decoder";
const DECODER: Role = Role { name: PART, of_sequence: |component| component.decoders.take() };

/// Largest ratio of lengths of decoded texts and their tokens.
const MAX_GROWTH: u64 = 64;

/// Builds a decoder, which joins tokens to a text.
pub(crate) fn decoder(component: Component) -> Result<DecoderWrapper> {
    let mut growth = Growth::new(PART, MAX_GROWTH);
    let sequence = |decoders| Sequence::new(decoders).into();
    DECODER.build(component, &mut growth, single, sequence)
}

/// Builds one decoder. The number is the largest ratio of lengths after and before it.
fn single(component: &Component) -> Result<(DecoderWrapper, usize)> {
    let text = |field, value: &Option<String>| {
        component.text(PART, field, value.as_ref()).map(str::to_owned)
    };
    Ok(match component.kind(PART)? {
        // Spaces between tokens.
        "BPEDecoder" => (BPEDecoder::new(text("suffix", &component.suffix)?).into(), 2),
        // An invalid byte becomes a character of three bytes.
        "ByteLevel" => (ByteLevel::default().into(), 3),
        "WordPiece" => {
            let cleanup = component.required(PART, "cleanup", component.cleanup)?;
            (WordPiece::new(text("prefix", &component.prefix)?, cleanup).into(), 2)
        }
        "Metaspace" => (component.metaspace(PART)?.into(), 1),
        "Replace" => {
            let (replace, times) = replace(component, PART)?;
            (replace.into(), times)
        }
        "Fuse" => (Fuse::new().into(), 1),
        "ByteFallback" => (ByteFallback::new().into(), 1),
        "Strip" => (strip(component)?.into(), 1),
        kind => {
            let advice = "save the tokenizer with another decoder";
            return Err(TokenizerFileError::Unsupported {
                part: PART,
                kind: shortened(kind),
                advice,
            });
        }
    })
}

/// Builds the decoder that removes characters at the start of every token.
fn strip(component: &Component) -> Result<Strip> {
    let content = component.text(PART, "content", component.content.as_ref())?;
    let mut characters = content.chars();
    let (Some(content), None) = (characters.next(), characters.next()) else {
        return Err(component.unusable(PART, "content", "one character", shortened(content)));
    };
    let start = component.required(PART, "start", component.start)?;
    let stop = component.required(PART, "stop", component.stop)?;
    if stop > 0 {
        // The library's index would be below zero for shorter tokens.
        return Err(component.unusable(PART, "stop", "0", stop));
    }
    Ok(Strip::new(content, start, stop))
}
