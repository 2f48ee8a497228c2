use std::path::Path;

use mtpt_io::ForeignContent;
use tokenizers::AddedToken;

use crate::error::{Result, SentencePieceError, TokenizerError};
use crate::tokenizer::added_tokens::{AddedTokens, Declarations, Part};
use crate::tokenizer::sentence_piece::{PieceKind, SentencePieceModel};
use crate::tokenizer::sentinel::{T5_SENTINELS, names, number_of, sentinel};

/// A SentencePiece model with T5's sentinels and the tokens that a model folder adds.
///
/// Added tokens are found in the text first. The parts between them are encoded separately.
#[derive(Clone, Debug)]
pub(crate) struct PieceTokenizer {
    model: SentencePieceModel,
    added: AddedTokens,
    /// Number of sentinels after the pieces.
    sentinels: usize,
    end: Option<u32>,
}

impl PieceTokenizer {
    /// Reads a `spiece.model`, with the tokens that its folder declares, for a model with the given
    /// vocabulary size.
    pub(crate) fn read(
        path: &Path,
        mut declarations: Declarations,
        vocab_size: usize,
    ) -> Result<Self> {
        let bytes = mtpt_io::fs::read(path)?;
        let model = SentencePieceModel::parse(&bytes).map_err(|source| {
            let path = path.to_owned();
            match ForeignContent::of(&bytes).filter(|_| source == SentencePieceError::NoModel) {
                Some(content) => TokenizerError::Content { path, content },
                None => TokenizerError::File { path, source: source.into() },
            }
        })?;
        let sentinels = count_sentinels(&model, declarations.extra_ids, vocab_size);
        declarations.add_class_defaults(|content| model.id(content).is_some());
        let numbers = 0..declarations.extra_ids.unwrap_or(T5_SENTINELS).max(sentinels);
        declarations.add_all(numbers.filter_map(|number| {
            let content = sentinel(number);
            let piece = model.id(&content).and_then(|id| model.piece(id));
            // SentencePiece finds those with text in texts.
            piece
                .map_or(number < sentinels, |piece| piece.kind == PieceKind::Control)
                .then(|| AddedToken::from(content, true))
        }));
        declarations.check_ids(path, |token| model.id(token))?;
        let first_free = model.len() + sentinels;
        let known = |content: &str| {
            model.id(content).or_else(|| {
                // The first sentinel has the highest id.
                let number = number_of(content).filter(|number| (*number as usize) < sentinels)?;
                Some(first_free as u32 - 1 - number)
            })
        };
        let tokens = declarations.with_ids(known, first_free, vocab_size);
        let normalize = |text: &str| model.normalizer().replace(text);
        let added = AddedTokens::new(tokens, &normalize, &declarations.ids_file)?;
        let end = added.id(declarations.end.as_deref().unwrap_or("</s>"));
        Ok(Self { model, added, sentinels, end })
    }

    pub(crate) fn vocab_size(&self) -> usize {
        let added = self.added.highest_id().map_or(0, |id| id as usize + 1);
        added.max(self.model.len() + self.sentinels)
    }

    pub(crate) fn end(&self) -> Option<u32> {
        self.end
    }

    pub(crate) fn set_end(&mut self, end: u32) {
        self.end = Some(end);
    }

    pub(crate) fn unknown(&self) -> u32 {
        self.model.unknown()
    }

    /// Returns the id of a token.
    pub(crate) fn id(&self, token: &str) -> Option<u32> {
        self.added.id(token).or_else(|| self.model.id(token))
    }

    /// Returns the text of one token.
    pub(crate) fn token(&self, id: u32) -> Option<&str> {
        let added = self.added.get(id).map(|token| token.content.as_str());
        added.or_else(|| self.model.piece(id).map(|piece| piece.text.as_str()))
    }

    pub(crate) fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        let normalize = |text: &str| self.model.normalizer().replace(text);
        self.added.split(text, &normalize, |part| match part {
            Part::Text(text) => self.model.encode(text, &mut ids),
            Part::Token(id) => ids.push(id),
        });
        ids.extend(self.end);
        ids
    }

    pub(crate) fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        let mut text = self.model.text();
        for &id in ids {
            match (self.added.get(id), self.model.piece(id)) {
                (Some(token), _) if token.special && skip_special => {
                    if id == self.unknown() {
                        text.push_piece(id);
                    }
                }
                (Some(token), _) => text.push_text(&token.content),
                (None, Some(piece)) if piece.kind == PieceKind::Control && !skip_special => {
                    text.push_text(&piece.text);
                }
                (None, _) => text.push_piece(id),
            }
        }
        text.finish()
    }
}

/// Returns the number of sentinels to append to the pieces.
///
/// A folder that declares no number has T5's, unless they are pieces or the model has no room.
fn count_sentinels(
    model: &SentencePieceModel,
    declared: Option<usize>,
    vocab_size: usize,
) -> usize {
    if names(0).iter().any(|name| model.id(name).is_some()) {
        return 0;
    }
    let default = T5_SENTINELS;
    declared.unwrap_or(if model.len() + default <= vocab_size { default } else { 0 })
}
