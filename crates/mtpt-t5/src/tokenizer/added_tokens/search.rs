use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use tokenizers::models::wordlevel::WordLevel;
use tokenizers::{
    AddedToken, AddedVocabulary, NormalizedString, Normalizer, OffsetReferential, OffsetType,
    PreTokenizedString, Token,
};

use crate::error::{Result, TokenizerError};
use crate::tokenizer::added_tokens::patterns::check_patterns;

/// Tokens that are found in a text before the rest is tokenized.
#[derive(Clone, Debug)]
pub(crate) struct AddedTokens {
    /// Tokens that are found in the text itself.
    literal: AddedVocabulary,
    /// Tokens that are found in the normalized text.
    normalized: AddedVocabulary,
    tokens: BTreeMap<u32, AddedToken>,
    ids: HashMap<String, u32>,
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Text to tokenize.
    Text(&'a str),
    /// An added token.
    Token(u32),
}

/// A function from a text to the text in which tokens are found.
type Normalization<'a> = dyn Fn(&str) -> String + Sync + 'a;

/// Adapter from a function to the library's trait.
struct Normalize<'a>(&'a Normalization<'a>);

impl Normalizer for Normalize<'_> {
    fn normalize(&self, text: &mut NormalizedString) -> tokenizers::Result<()> {
        *text = NormalizedString::from(self.0(text.get()));
        Ok(())
    }
}

impl AddedTokens {
    /// Prepares the search for tokens. The file is the one that declares them.
    pub(crate) fn new(
        tokens: Vec<(AddedToken, u32)>,
        normalize: &Normalization<'_>,
        file: &Path,
    ) -> Result<Self> {
        // A token of spaces alone, like a line break, would become every space.
        let is_literal =
            |token: &AddedToken| !token.normalized || normalize(&token.content).trim().is_empty();
        let (literal, normalized): (Vec<_>, Vec<_>) =
            tokens.iter().cloned().partition(|(token, _)| is_literal(token));
        let literal = literal.into_iter().map(|(token, id)| (token.normalized(false), id));
        let literal: Vec<_> = literal.collect();
        let both = literal.iter().chain(&normalized).map(|(token, _)| token);
        check_patterns(both, normalize, file)?;
        let invalid = |source| TokenizerError::File { path: file.to_owned(), source };
        let ids = tokens.iter().map(|(token, id)| (token.content.clone(), *id));
        Ok(Self {
            literal: vocabulary(literal, normalize).map_err(invalid)?,
            normalized: vocabulary(normalized, normalize).map_err(invalid)?,
            ids: ids.collect(),
            tokens: tokens.into_iter().map(|(token, id)| (id, token)).collect(),
        })
    }

    /// Returns a token by its id.
    pub(crate) fn get(&self, id: u32) -> Option<&AddedToken> {
        self.tokens.get(&id)
    }

    /// Returns the id of a token.
    pub(crate) fn id(&self, content: &str) -> Option<u32> {
        self.ids.get(content).copied()
    }

    /// Returns the highest id.
    pub(crate) fn highest_id(&self) -> Option<u32> {
        self.tokens.last_key_value().map(|(id, _)| *id)
    }

    /// Calls a function for every part of a text.
    pub(crate) fn split(
        &self,
        text: &str,
        normalize: &Normalization<'_>,
        mut each: impl FnMut(Part<'_>),
    ) {
        if self.tokens.is_empty() {
            return each(Part::Text(text));
        }
        let parts = self.literal.extract_and_normalize(None::<&Normalize<'_>>, text);
        for (text, tokens) in splits(&parts) {
            if let Some(tokens) = tokens {
                tokens.iter().for_each(|token| each(Part::Token(token.id)));
                continue;
            }
            let normalized = (!self.normalized.is_empty())
                .then(|| self.normalized.extract_and_normalize(Some(&Normalize(normalize)), text));
            match &normalized {
                Some(parts) if splits(parts).any(|(_, tokens)| tokens.is_some()) => {
                    for (text, tokens) in splits(parts) {
                        match tokens {
                            None => each(Part::Text(text)),
                            Some(tokens) => {
                                tokens.iter().for_each(|token| each(Part::Token(token.id)));
                            }
                        }
                    }
                }
                // The text itself, because it is normalized later.
                _ => each(Part::Text(text)),
            }
        }
    }
}

/// Prepares the library's search for tokens with given ids.
fn vocabulary(
    tokens: Vec<(AddedToken, u32)>,
    normalize: &Normalization<'_>,
) -> tokenizers::Result<AddedVocabulary> {
    let ids = tokens.iter().map(|(token, id)| (token.content.clone(), *id)).collect();
    // The library takes ids from a model.
    let model = WordLevel::builder().vocab(ids).build()?;
    let mut vocabulary = AddedVocabulary::new();
    let tokens = tokens.into_iter().map(|(token, _)| token);
    vocabulary.add_tokens(tokens, &model, Some(&Normalize(normalize)))?;
    Ok(vocabulary)
}

/// Returns the parts of a text, with the tokens that were found.
fn splits(parts: &PreTokenizedString) -> impl Iterator<Item = (&str, Option<&Vec<Token>>)> {
    let splits = parts.get_splits(OffsetReferential::Normalized, OffsetType::None);
    splits.into_iter().map(|(text, _, tokens)| (text, tokens.as_ref()))
}
