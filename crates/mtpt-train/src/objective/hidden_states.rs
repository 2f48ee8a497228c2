use burn::tensor::Tensor;
use mtpt_core::{Backbone, Compose, embed_prompted};
use mtpt_infer::DeviceBatch;

use crate::objective::cross_entropy::token_losses;

/// The final hidden states of a model for a batch and its targets.
#[derive(Clone, Debug)]
pub(crate) struct HiddenStates {
    /// States of the encoder at the tokens of the inputs, without the prompt,
    /// `[batch, input_length, d_model]`; unspecified at padding.
    pub(crate) encoder: Tensor<3>,
    /// States of the decoder that predict the tokens of the targets, row by row,
    /// `[target_tokens, d_model]`.
    pub(crate) decoder: Tensor<2>,
}

impl HiddenStates {
    /// Runs the forward pass on a batch, with each example's prompt or without prompts.
    pub(crate) fn new<B: Backbone, C: Compose>(
        backbone: &B,
        composition: Option<&C>,
        batch: &DeviceBatch,
    ) -> Self {
        let (ids, mask) = (batch.input_ids.clone(), batch.input_mask.clone());
        let inputs = embed_prompted(backbone, composition, &batch.tasks, ids, mask);
        let encoded = backbone.encode_inputs(inputs);
        let states = encoded.states.clone();
        let decoded = backbone.decode(batch.decoder_input_ids.clone(), encoded);
        Self::select(states, decoded, batch)
    }

    /// Selects the states at tokens of inputs and targets from all states of a batch.
    ///
    /// # Shapes
    ///
    /// - `encoded`: `[batch, encoder_prompt_length + input_length, d_model]`
    /// - `decoded`: `[batch, target_length, d_model]`
    pub(crate) fn select(encoded: Tensor<3>, decoded: Tensor<3>, batch: &DeviceBatch) -> Self {
        let [_, length, _] = encoded.dims();
        let [_, input_length] = batch.input_mask.dims();
        let encoder = encoded.narrow(1, length - input_length, input_length);
        let [rows, length, d_model] = decoded.dims();
        let decoded = decoded.reshape([rows * length, d_model]);
        let decoder = decoded.select(0, batch.target_positions.clone());
        Self { encoder, decoder }
    }

    /// Returns the negative log-likelihood of each target token, `[target_tokens]`.
    pub(crate) fn target_losses<B: Backbone>(self, backbone: &B, batch: &DeviceBatch) -> Tensor<1> {
        token_losses(backbone.logits(self.decoder), batch.targets.clone())
    }
}
