//! How likely the model holds given texts.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, FloatDType, Int, Tensor, TensorData};

use crate::error::{GenerationError, Result};
use crate::model::t5::T5;

/// Most positions whose logits are in memory at a time. With 32,128 entries this is 66 MB in single precision.
const POSITIONS_AT_A_TIME: usize = 512;

impl T5 {
    /// Log-probabilities of the tokens of one target for each row, in nats, each given the tokens before it.
    ///
    /// A target is scored as it is given: an end token counts only where it is part of it.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, `true` where there is a token
    /// - output: for each row, a number for each token of its target
    ///
    /// # Errors
    ///
    /// [`GenerationError::TargetCount`] if there are not as many targets as rows, [`GenerationError::TokenId`] for a token beyond the
    /// vocabulary, [`GenerationError::Device`] if numbers cannot be read back.
    pub fn score(
        &self,
        embeddings: Tensor<3>,
        mask: Tensor<2, Bool>,
        targets: &[Vec<u32>],
    ) -> Result<Vec<Vec<f32>>> {
        let candidates: Vec<&[Vec<u32>]> = targets.iter().map(std::slice::from_ref).collect();
        let scores = self.score_candidates(embeddings, mask, &candidates)?;
        Ok(scores.into_iter().flatten().collect())
    }

    /// Log-probabilities of the tokens of several targets for each row, in nats.
    ///
    /// Each row is encoded once, however many targets it has; rows may have different numbers of them.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, `true` where there is a token
    /// - output: for each row and each of its targets, a number for each token
    ///
    /// # Errors
    ///
    /// As of [`score`](Self::score).
    pub fn score_candidates(
        &self,
        embeddings: Tensor<3>,
        mask: Tensor<2, Bool>,
        candidates: &[&[Vec<u32>]],
    ) -> Result<Vec<Vec<Vec<f32>>>> {
        let [batch, _] = mask.dims();
        self.check_targets(batch, candidates)?;
        let most = candidates.iter().map(|targets| targets.len()).max().unwrap_or(0);
        let longest = candidates.iter().flat_map(|row| row.iter()).map(Vec::len).max().unwrap_or(0);
        if most == 0 || longest == 0 {
            return Ok(candidates.iter().map(|targets| vec![Vec::new(); targets.len()]).collect());
        }

        // Every row is given as many targets, and every target is made as long, by padding.
        let rows = batch * most;
        let mut ids = vec![self.config.pad_token_id as i32; rows * longest];
        let mut positions = Vec::new();
        let mut tokens = Vec::new();
        for (row, targets) in candidates.iter().enumerate() {
            for (number, target) in targets.iter().enumerate() {
                let start = (row * most + number) * longest;
                ids[start] = self.config.decoder_start_token_id as i32;
                for (place, token) in target.iter().enumerate() {
                    if place + 1 < longest {
                        ids[start + place + 1] = *token as i32;
                    }
                    positions.push((start + place) as i32);
                    tokens.push(*token as i32);
                }
            }
        }

        let model = self.without_gradients();
        let device = model.device();
        let encoded = model.encode(embeddings.without_autodiff(), mask.clone());
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [rows, longest]), &device);
        let hidden =
            model.decode(ids, encoded, mask).reshape([rows * longest, self.config.d_model]);
        let mut log_probabilities = Vec::with_capacity(tokens.len());
        for (positions, tokens) in
            positions.chunks(POSITIONS_AT_A_TIME).zip(tokens.chunks(POSITIONS_AT_A_TIME))
        {
            let count = positions.len();
            let positions = TensorData::new(positions.to_vec(), [count]);
            let tokens = TensorData::new(tokens.to_vec(), [count, 1]);
            let asked = hidden.clone().select(0, Tensor::<1, Int>::from_data(positions, &device));
            let scores = log_softmax(model.logits(asked).cast(FloatDType::F32), 1)
                .gather(1, Tensor::<2, Int>::from_data(tokens, &device))
                .try_into_vec_as::<f32>()
                .map_err(GenerationError::device)?;
            log_probabilities.extend(scores);
        }

        let mut log_probabilities = log_probabilities.into_iter();
        Ok(candidates
            .iter()
            .map(|targets| {
                targets
                    .iter()
                    .map(|target| log_probabilities.by_ref().take(target.len()).collect())
                    .collect()
            })
            .collect())
    }

    fn check_targets(&self, batch: usize, candidates: &[&[Vec<u32>]]) -> Result<()> {
        if candidates.len() != batch {
            return Err(
                GenerationError::TargetCount { expected: batch, found: candidates.len() }.into()
            );
        }
        let vocab_size = self.config.vocab_size;
        for (row, targets) in candidates.iter().enumerate() {
            let beyond = targets.iter().flatten().find(|token| **token as usize >= vocab_size);
            if let Some(found) = beyond {
                return Err(GenerationError::TokenId { row, found: *found, vocab_size }.into());
            }
        }
        Ok(())
    }
}
