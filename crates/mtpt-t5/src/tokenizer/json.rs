use std::path::Path;

use serde::Deserialize;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::sequence::Sequence;
use tokenizers::models::unigram::Unigram;
use tokenizers::{AddedToken, ModelWrapper, Tokenizer};

use crate::error::{Result, TokenizerError};
use crate::tokenizer::added_tokens::{Declarations, DeclaredToken};
use crate::tokenizer::sentinel::{names, sentinel};

/// A tokenizer of the `tokenizers` library, `tokenizer.json`.
#[derive(Clone, Debug)]
pub(crate) struct JsonTokenizer {
    tokenizer: Tokenizer,
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

/// The fields that the library doesn't return.
#[derive(Deserialize)]
struct File {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    unk_id: Option<u32>,
    unk_token: Option<String>,
}

impl JsonTokenizer {
    /// Reads a `tokenizer.json`, with the tokens that its folder declares.
    pub(crate) fn read(
        path: &Path,
        mut declarations: Declarations,
        vocab_size: usize,
    ) -> Result<Self> {
        let bytes = mtpt_io::fs::read(path)?;
        let invalid = |source| TokenizerError::File { path: path.to_owned(), source };
        let mut tokenizer = Tokenizer::from_bytes(&bytes).map_err(|source| {
            match serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
                Ok(_) => invalid(source),
                Err(error) => TokenizerError::not_json(path, &bytes, &error),
            }
        })?;
        let model = serde_json::from_slice(&bytes).map(|File { model }| model);
        let (unk_id, unk_token) =
            model.map_or((None, None), |model| (model.unk_id, model.unk_token));
        let unknown = unk_id.or_else(|| tokenizer.token_to_id(&unk_token?));
        restore_byte_fallback(&mut tokenizer, unk_id).map_err(invalid)?;
        declarations.add_class_defaults(|content| tokenizer.token_to_id(content).is_some());
        for number in 0..declarations.extra_ids.unwrap_or(0) {
            if names(number).iter().all(|name| tokenizer.token_to_id(name).is_none()) {
                declarations.add(AddedToken::from(sentinel(number), true));
            }
        }
        add_declared(&mut tokenizer, path, &declarations, vocab_size)?;
        Ok(Self { unknown, ..tokenizer.into() })
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
        let mut ids = self.tokenizer.encode_fast(text, true)?.get_ids().to_vec();
        if let End::Appended(end) = self.end {
            ids.extend(end);
        }
        Ok(ids)
    }

    pub(crate) fn decode(&self, ids: &[u32], skip_special: bool) -> tokenizers::Result<String> {
        self.tokenizer.decode(ids, skip_special)
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
        Self { tokenizer, unknown: None, end }
    }
}

/// Enables byte fallback for a vocabulary with a piece for every byte.
///
/// Converters of SentencePiece models drop the setting, so characters without piece would become
/// unknown tokens.
fn restore_byte_fallback(
    tokenizer: &mut Tokenizer,
    unknown: Option<u32>,
) -> tokenizers::Result<()> {
    let ModelWrapper::Unigram(model) = tokenizer.get_model() else { return Ok(()) };
    let has_piece = |byte: u8| tokenizer.token_to_id(&format!("<0x{byte:02X}>")).is_some();
    if model.byte_fallback() || !(0..=255).all(has_piece) {
        return Ok(());
    }
    let vocabulary = model.iter().cloned().collect();
    let model = Unigram::from(vocabulary, unknown.map(|id| id as usize), true)?;
    tokenizer.with_model(model);
    let decoder = tokenizer.get_decoder().cloned();
    let decoders =
        std::iter::once(DecoderWrapper::ByteFallback(ByteFallback::new())).chain(decoder);
    tokenizer.with_decoder(Some(Sequence::new(decoders.collect())));
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
    for DeclaredToken { token, id } in &declarations.tokens {
        let known = tokenizer.token_to_id(&token.content);
        let has_room = id.is_some() || tokenizer.get_vocab_size(true) < vocab_size;
        let is_added = tokenizer.get_added_vocabulary().get_vocab().contains_key(&token.content);
        if !is_added && (known.is_some() || has_room) {
            tokenizer.add_tokens([token.clone()]).map_err(|source| TokenizerError::File {
                path: declarations.ids_file.clone(),
                source,
            })?;
        }
        if let (Some(declared), Some(found)) = (*id, tokenizer.token_to_id(&token.content))
            && found != declared
        {
            return Err(TokenizerError::AddedTokenId {
                declared_in: declarations.ids_file.clone(),
                token: token.content.clone(),
                declared,
                tokenizer: path.to_owned(),
                found,
            }
            .into());
        }
    }
    Ok(())
}
