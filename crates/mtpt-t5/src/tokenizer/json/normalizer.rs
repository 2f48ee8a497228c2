use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokenizers::NormalizerWrapper;
use tokenizers::normalizers::{
    BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace,
    Sequence, Strip, StripAccents,
};

use crate::error::TokenizerFileError;
use crate::tokenizer::json::component::{Component, Growth, Result, Role, shortened};
use crate::tokenizer::sentence_piece::Charsmap;

const PART: &str = "normalizer";
const NORMALIZER: Role = Role { name: PART, of_sequence: |component| component.normalizers.take() };

/// Builds a normalizer.
pub(crate) fn normalizer(component: Component, growth: &mut Growth) -> Result<NormalizerWrapper> {
    let sequence = |normalizers| Sequence::new(normalizers).into();
    NORMALIZER.build(component, growth, single, sequence)
}

/// Builds one normalizer. The number is the largest ratio of lengths after and before it.
fn single(component: &Component) -> Result<(NormalizerWrapper, usize)> {
    let flag = |field, value| component.required(PART, field, value);
    Ok(match component.kind(PART)? {
        "BertNormalizer" => {
            let normalizer = BertNormalizer::new(
                flag("clean_text", component.clean_text)?,
                flag("handle_chinese_chars", component.handle_chinese_chars)?,
                component.strip_accents,
                flag("lowercase", component.lowercase)?,
            );
            // Spaces around characters, NFD, lowercase.
            (normalizer.into(), 2 * 3 * 2)
        }
        "Strip" => {
            let left = flag("strip_left", component.strip_left)?;
            let right = flag("strip_right", component.strip_right)?;
            (Strip::new(left, right).into(), 1)
        }
        "StripAccents" => (StripAccents.into(), 1),
        // Largest expansions of Unicode's normalization forms in UTF-8, see its annex 15.
        "NFC" => (NFC.into(), 3),
        "NFD" => (NFD.into(), 3),
        "NFKC" => (NFKC.into(), 11),
        "NFKD" => (NFKD.into(), 11),
        "Lowercase" => (Lowercase.into(), 2),
        "Nmt" => (Nmt.into(), 1),
        "ByteLevel" => (ByteLevel::new().into(), 2),
        "Prepend" => {
            let prepend = component.text(PART, "prepend", component.prepend.as_ref())?;
            if prepend.is_empty() {
                return Err(component.unusable(PART, "prepend", "a text", "empty"));
            }
            (Prepend::new(prepend.to_owned()).into(), 1 + prepend.len())
        }
        "Replace" => {
            let (replace, times) = replace(component, PART)?;
            (replace.into(), times)
        }
        "Precompiled" => precompiled(component)?,
        kind => {
            let advice = "save the tokenizer without it";
            return Err(TokenizerFileError::Unsupported {
                part: PART,
                kind: shortened(kind),
                advice,
            });
        }
    })
}

/// Builds a replacement of matches, which is a normalizer or a decoder.
pub(crate) fn replace(component: &Component, part: &str) -> Result<(Replace, usize)> {
    let content = component.text(part, "content", component.content.as_ref())?;
    let (pattern, length) = component.pattern(part)?;
    let replace = Replace::new(pattern, content).map_err(|_| component.refused_pattern(part))?;
    Ok((replace, content.len().div_ceil(length)))
}

/// Builds the normalizer of a SentencePiece model.
fn precompiled(component: &Component) -> Result<(NormalizerWrapper, usize)> {
    const FIELD: &str = "precompiled_charsmap";
    let text = component.required(PART, FIELD, component.precompiled_charsmap.as_ref())?;
    let bytes = BASE64_STANDARD
        .decode(text)
        .map_err(|_| component.unusable(PART, FIELD, "bytes in base64", "something else"))?;
    let invalid = |expected: &'static str| {
        component.unusable(PART, FIELD, expected, format!("{} other bytes", bytes.len()))
    };
    let charsmap = Charsmap::parse(&bytes).map_err(|_| invalid("replacement rules"))?;
    // The library indexes the trie and the replacements without checks.
    let times = charsmap
        .largest_growth()
        .ok_or_else(|| invalid("rules with positions within the trie and the replacements"))?;
    let normalizer = Precompiled::from(&bytes).map_err(|_| invalid("replacement rules"))?;
    Ok((normalizer.into(), times))
}
