use std::path::Path;

use serde_json::error::Category;
use tokenizers::{AddedToken, Decoder, Model, NormalizedString, Normalizer, Tokenizer};

use crate::error::{Result, TokenizerError, TokenizerFileError};
use crate::tokenizer::added_tokens::{Declarations, check_patterns};
use crate::tokenizer::json::file::{Parts, TokenizerFile};
use crate::tokenizer::json::post_processor::Surrounding;
use crate::tokenizer::sentinel::{names, sentinel};

/// A tokenizer of the `tokenizers` library, `tokenizer.json`.
#[derive(Clone, Debug)]
pub(crate) struct JsonTokenizer {
    tokenizer: Tokenizer,
    /// Ids that the file adds to every text.
    surrounding: Surrounding,
    unknown: Option<u32>,
    /// Whether the file's post-processor appends the end token.
    end: End,
}

#[derive(Clone, Copy, Debug)]
enum End {
    /// The post-processor appends this token.
    Processed(u32),
    /// Nothing is appended by the file.
    Appended(Option<u32>),
}

impl JsonTokenizer {
    /// Reads a `tokenizer.json`, with the tokens that its folder declares.
    pub(crate) fn read(
        path: &Path,
        mut declarations: Declarations,
        vocab_size: usize,
    ) -> Result<Self> {
        let bytes = mtpt_io::fs::read(path)?;
        let invalid = |source: TokenizerFileError| TokenizerError::File {
            path: path.to_owned(),
            source: source.into(),
        };
        let file: TokenizerFile =
            serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
                Category::Data => invalid(TokenizerFileError::Structure {
                    line: error.line(),
                    column: error.column(),
                }),
                _ => TokenizerError::not_json(path, &bytes, &error),
            })?;
        let Parts { mut tokenizer, added_tokens, surrounding, unknown } =
            file.build(bytes.len()).map_err(invalid)?;
        add_tokens(&mut tokenizer, path, added_tokens)?;
        declarations.add_class_defaults(|content| tokenizer.token_to_id(content).is_some());
        let is_unknown = |number: &usize| {
            names(*number).iter().all(|name| tokenizer.token_to_id(name).is_none())
        };
        let sentinels = (0..declarations.extra_ids.unwrap_or(0)).filter(is_unknown);
        declarations.add_all(sentinels.map(|number| AddedToken::from(sentinel(number), true)));
        add_declared(&mut tokenizer, path, &declarations, vocab_size)?;
        let surrounding = surrounding.unwrap_or_default();
        let mut ids = surrounding.before.iter().chain(&surrounding.after);
        if let Some(&id) = ids.find(|id| tokenizer.id_to_token(**id).is_none()) {
            let found = format!("{id}");
            return Err(invalid(TokenizerFileError::Field {
                component: "post-processor".to_owned(),
                field: "special_tokens",
                expected: "tokens with ids of the vocabulary",
                found,
            })
            .into());
        }
        let end = match surrounding.after.last().or(surrounding.before.last()) {
            Some(&end) => End::Processed(end),
            None => End::Appended(None),
        };
        Ok(Self { tokenizer, surrounding, unknown, end })
    }

    pub(crate) fn vocab_size(&self) -> usize {
        let highest = self.tokenizer.get_vocab(true).into_values().max();
        highest.map_or(0, |highest| highest as usize + 1)
    }

    /// Returns the token at the end of every text.
    pub(crate) fn end(&self) -> Option<u32> {
        match self.end {
            End::Processed(end) => Some(end),
            End::Appended(end) => end,
        }
    }

    /// Sets the end token, unless the file appends one.
    pub(crate) fn set_end(&mut self, id: u32) {
        if let End::Appended(end) = &mut self.end {
            *end = Some(id);
        }
    }

    pub(crate) fn unknown(&self) -> Option<u32> {
        self.unknown
    }

    /// Returns the id of a token.
    pub(crate) fn id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// Returns the text of one token.
    pub(crate) fn token(&self, id: u32) -> Option<String> {
        self.tokenizer.id_to_token(id)
    }

    pub(crate) fn encode(&self, text: &str) -> tokenizers::Result<Vec<u32>> {
        let encoding = self.tokenizer.encode_fast(text, true)?;
        let Surrounding { before, after } = &self.surrounding;
        let mut ids = [before, encoding.get_ids(), after].concat();
        if let End::Appended(end) = self.end {
            ids.extend(end);
        }
        Ok(ids)
    }

    pub(crate) fn decode(&self, ids: &[u32], skip_special: bool) -> tokenizers::Result<String> {
        let added = self.tokenizer.get_added_vocabulary();
        let tokens: Vec<String> = ids
            .iter()
            .filter_map(|&id| {
                added
                    .simple_id_to_token(id)
                    .or_else(|| self.tokenizer.get_model().id_to_token(id))
                    .filter(|token| !skip_special || !added.is_special_token(token))
            })
            .collect();
        match self.tokenizer.get_decoder() {
            // The library's decoders expect a token.
            _ if tokens.is_empty() => Ok(String::new()),
            Some(decoder) => decoder.decode(tokens),
            None => Ok(tokens.join(" ")),
        }
    }
}

impl From<Tokenizer> for JsonTokenizer {
    fn from(mut tokenizer: Tokenizer) -> Self {
        // A file may specify padding and truncation, which would change ids silently.
        tokenizer.with_padding(None);
        let truncation = tokenizer.with_truncation(None);
        debug_assert!(truncation.is_ok(), "removing truncation cannot fail");
        let probe = tokenizer.encode_fast("", true);
        let end = match probe.as_ref().map(|encoding| encoding.get_ids().last()) {
            Ok(Some(&end)) => End::Processed(end),
            _ => End::Appended(None),
        };
        Self { tokenizer, surrounding: Surrounding::default(), unknown: None, end }
    }
}

/// Adds tokens after checking that the library can find them in texts. The file is the one that
/// declares them.
fn add_tokens(tokenizer: &mut Tokenizer, file: &Path, tokens: Vec<AddedToken>) -> Result<()> {
    let normalize = |text: &str| {
        let mut text = NormalizedString::from(text);
        if let Some(normalizer) = tokenizer.get_normalizer() {
            // The text remains as it is if it can't be normalized.
            normalizer.normalize(&mut text).ok();
        }
        text.get().to_owned()
    };
    let existing = tokenizer.get_added_vocabulary().get_added_tokens_decoder().values();
    check_patterns(existing.chain(&tokens), &normalize, file)?;
    tokenizer
        .add_tokens(tokens)
        .map_err(|source| TokenizerError::File { path: file.to_owned(), source })?;
    Ok(())
}

/// Adds the declared tokens that the file lacks.
///
/// Tokens without id are dropped where the model's vocabulary has no room for them.
fn add_declared(
    tokenizer: &mut Tokenizer,
    path: &Path,
    declarations: &Declarations,
    vocab_size: usize,
) -> Result<()> {
    let mut size = tokenizer.get_vocab_size(true);
    let mut tokens = Vec::new();
    for declared in &declarations.tokens {
        let content = &declared.token.content;
        let is_added = tokenizer.get_added_vocabulary().get_vocab().contains_key(content);
        let is_known = tokenizer.token_to_id(content).is_some();
        let has_room = declared.id.is_some() || size < vocab_size;
        if !is_added && (is_known || has_room) {
            size += usize::from(!is_known);
            tokens.push(declared.token.clone());
        }
    }
    add_tokens(tokenizer, &declarations.ids_file, tokens)?;
    declarations.check_ids(path, |token| tokenizer.token_to_id(token))
}
