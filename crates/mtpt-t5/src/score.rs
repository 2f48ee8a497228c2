//! Log-probabilities of given texts.

use burn::tensor::activation::log_softmax;
use burn::tensor::{FloatDType, Int, Tensor, TensorData};
use mtpt_core::{Backbone, Inputs};

use crate::error::{GenerationError, Result};
use crate::model::t5::T5;

/// Maximum number of positions whose logits are in memory at the same time. With a vocabulary of
/// 32,128 this takes 66 MB in f32.
const MAX_POSITIONS: usize = 512;

impl T5 {
    /// Returns the log-probabilities of the tokens of one target for each row, in nats, each given
    /// the tokens before it.
    ///
    /// No end token is added to a target.
    ///
    /// # Shapes
    ///
    /// - output: one value for each token of each row's target
    ///
    /// # Errors
    ///
    /// [`GenerationError::TargetCount`] if the number of targets is not the number of rows,
    /// [`GenerationError::TokenId`] for a token outside the vocabulary,
    /// [`GenerationError::Device`] if a tensor cannot be read back.
    pub fn score(&self, inputs: Inputs, targets: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
        let batch = inputs.rows();
        self.check_targets(batch, targets)?;
        let max_length = targets.iter().map(Vec::len).max().unwrap_or(0);
        if max_length == 0 {
            return Ok(vec![Vec::new(); batch]);
        }

        let mut ids = vec![self.config.pad_token_id as i32; batch * max_length];
        let (mut positions, mut tokens) = (Vec::new(), Vec::new());
        for (row, target) in targets.iter().enumerate() {
            let start = row * max_length;
            ids[start] = self.config.decoder_start_token_id as i32;
            for (index, token) in target.iter().enumerate() {
                if index + 1 < max_length {
                    ids[start + index + 1] = *token as i32;
                }
                positions.push((start + index) as i32);
                tokens.push(*token as i32);
            }
        }

        let model = self.without_autodiff();
        let device = model.device();
        let encoded = model.encode_inputs(inputs.without_autodiff());
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [batch, max_length]), &device);
        let hidden = model.decode(ids, encoded);
        let hidden = hidden.reshape([batch * max_length, self.config.d_model]);
        let mut log_probabilities = Vec::with_capacity(tokens.len());
        for (positions, tokens) in positions.chunks(MAX_POSITIONS).zip(tokens.chunks(MAX_POSITIONS))
        {
            let count = positions.len();
            let positions = TensorData::new(positions.to_vec(), [count]);
            let tokens = TensorData::new(tokens.to_vec(), [count, 1]);
            let hidden = hidden.clone().select(0, Tensor::<1, Int>::from_data(positions, &device));
            let scores = log_softmax(model.logits(hidden).cast(FloatDType::F32), 1)
                .gather(1, Tensor::<2, Int>::from_data(tokens, &device))
                .try_into_vec_as::<f32>()
                .map_err(GenerationError::device)?;
            log_probabilities.extend(scores);
        }
        let mut log_probabilities = log_probabilities.into_iter();
        let scores =
            targets.iter().map(|target| log_probabilities.by_ref().take(target.len()).collect());
        Ok(scores.collect())
    }

    fn check_targets(&self, batch: usize, targets: &[Vec<u32>]) -> Result<(), GenerationError> {
        if targets.len() != batch {
            return Err(GenerationError::TargetCount { expected: batch, found: targets.len() });
        }
        let vocab_size = self.config.vocab_size;
        for (row, target) in targets.iter().enumerate() {
            if let Some(&found) = target.iter().find(|token| **token as usize >= vocab_size) {
                return Err(GenerationError::TokenId { row, found, vocab_size });
            }
        }
        Ok(())
    }
}
