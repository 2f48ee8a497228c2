use tokenizers::PreTokenizerWrapper;
use tokenizers::normalizer::SplitDelimiterBehavior;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::delimiter::CharDelimiterSplit;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::Split;
use tokenizers::pre_tokenizers::unicode_scripts::UnicodeScripts;
use tokenizers::pre_tokenizers::whitespace::{Whitespace, WhitespaceSplit};

use crate::error::TokenizerFileError;
use crate::tokenizer::json::component::{Component, Growth, Result, Role, shortened};

const PART: &str = "pre-tokenizer";
const PRE_TOKENIZER: Role =
    Role { name: PART, of_sequence: |component| component.pretokenizers.take() };

/// Builds a pre-tokenizer, which splits texts into words.
pub(crate) fn pre_tokenizer(
    component: Component,
    growth: &mut Growth,
) -> Result<PreTokenizerWrapper> {
    let sequence = |pre_tokenizers| Sequence::new(pre_tokenizers).into();
    PRE_TOKENIZER.build(component, growth, single, sequence)
}

/// Builds one pre-tokenizer. The number is the largest ratio of lengths after and before it.
fn single(component: &Component) -> Result<(PreTokenizerWrapper, usize)> {
    Ok(match component.kind(PART)? {
        "BertPreTokenizer" => (BertPreTokenizer.into(), 1),
        "ByteLevel" => {
            let add_prefix_space =
                component.required(PART, "add_prefix_space", component.add_prefix_space)?;
            let use_regex = component.use_regex.unwrap_or(true);
            // Every byte becomes a character of one or two bytes, after a space.
            (ByteLevel::new(add_prefix_space, true, use_regex).into(), 4)
        }
        "CharDelimiterSplit" => {
            let delimiter = component.required(PART, "delimiter", component.delimiter)?;
            (CharDelimiterSplit::new(delimiter).into(), 1)
        }
        // Spaces become characters of at most four bytes, with one at the start.
        "Metaspace" => (component.metaspace(PART)?.into(), 4),
        "Whitespace" => (Whitespace {}.into(), 1),
        "WhitespaceSplit" => (WhitespaceSplit.into(), 1),
        "Punctuation" => {
            let behavior = component.behavior.unwrap_or(SplitDelimiterBehavior::Isolated);
            (Punctuation::new(behavior).into(), 1)
        }
        "Digits" => {
            let individual = component.individual_digits;
            let individual = component.required(PART, "individual_digits", individual)?;
            (Digits::new(individual).into(), 1)
        }
        "UnicodeScripts" => (UnicodeScripts::new().into(), 1),
        "Split" => {
            let (pattern, _) = component.pattern(PART)?;
            let behavior = component.required(PART, "behavior", component.behavior)?;
            let invert = component.required(PART, "invert", component.invert)?;
            let split = Split::new(pattern, behavior, invert);
            let split = split.map_err(|_| component.refused_pattern(PART))?;
            (split.into(), 1)
        }
        kind => {
            let advice = "save the tokenizer without it, or as a `spiece.model`";
            return Err(TokenizerFileError::Unsupported {
                part: PART,
                kind: shortened(kind),
                advice,
            });
        }
    })
}
