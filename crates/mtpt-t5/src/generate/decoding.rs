use burn::tensor::{FloatDType, Int, Tensor, TensorData};
use mtpt_core::{Backbone, InputRow};

use crate::error::{GenerationError, Result};
use crate::generate::config::GenerationConfig;
use crate::generate::rules::Rules;
use crate::model::cache::DecoderCache;
use crate::model::t5::T5;

/// A generated text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sequence {
    /// Tokens, including the end token, if there is one. They don't include the first input of the
    /// decoder.
    pub ids: Vec<u32>,
    /// Score of a beam search: the sum of the log-probabilities, divided by the length to the power
    /// of the length penalty.
    pub score: Option<f32>,
}

/// Condition on the tokens of a text that ends it, in addition to the end tokens.
pub type StopCondition<'a> = &'a (dyn Fn(&[u32]) -> bool + Sync);

/// Arguments that all decoding methods share: the options, and the rows of a part of a batch.
pub(super) struct Decoding<'a> {
    pub(super) model: &'a T5,
    pub(super) config: &'a GenerationConfig,
    /// One for each row of the batch.
    pub(super) rows: &'a [InputRow<'a>],
    pub(super) end_tokens: &'a [u32],
    pub(super) stop: Option<StopCondition<'a>>,
}

impl Decoding<'_> {
    pub(super) fn decoder_start_token_id(&self) -> u32 {
        let of_model = self.model.config.decoder_start_token_id;
        self.config.decoder_start_token_id.unwrap_or(of_model)
    }

    pub(super) fn rules(&self) -> Rules<'_> {
        Rules::new(self.config, self.end_tokens, self.decoder_start_token_id())
    }

    /// Returns whether a text is complete.
    pub(super) fn ends(&self, text: &[u32]) -> bool {
        text.len() >= self.config.max_new_tokens
            || text.last().is_some_and(|last| self.end_tokens.contains(last))
            || self.stop.is_some_and(|stop| stop(text))
    }

    /// Checks that the logits of a row are finite.
    pub(super) fn check_logits(&self, row: usize, logits: &[f32]) -> Result<(), GenerationError> {
        match logits.iter().find(|logit| !logit.is_finite()) {
            None => Ok(()),
            Some(&value) => Err(GenerationError::NotFinite { row: self.rows[row].position, value }),
        }
    }

    /// Returns the error of a row for which the options leave no token.
    pub(super) fn no_token(&self, row: usize) -> GenerationError {
        GenerationError::NoToken { row: self.rows[row].position }
    }
}

/// Decodes one token of each row, and returns the logits of the next in f32, `[rows, vocab_size]`.
pub(super) fn next_logits(model: &T5, tokens: &[u32], cache: &mut DecoderCache) -> Tensor<2> {
    let rows = tokens.len();
    let ids: Vec<i32> = tokens.iter().map(|token| *token as i32).collect();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [rows, 1]), &model.device());
    let hidden = model.decode_step(ids, cache).reshape([rows, model.config.d_model]);
    model.logits(hidden).cast(FloatDType::F32)
}

/// Reads the values of a tensor, row-major.
pub(super) fn read_back(tensor: Tensor<2>) -> Result<Vec<f32>> {
    Ok(tensor.try_into_vec_as::<f32>().map_err(GenerationError::device)?)
}
