use burn::tensor::Tensor;
use mtpt_core::{Backbone, Compose, embed_prompted};

use mtpt_infer::DeviceBatch;

/// The last hidden states of a model that reads a batch and its targets.
#[derive(Clone, Debug)]
pub(crate) struct TargetStates {
    /// Of the encoder at the tokens of the inputs, the prompt in front of them left out, `[batch, input_length, d_model]`; rows
    /// at padding are unspecified.
    pub(crate) encoder: Tensor<3>,
    /// Of the decoder where it writes the tokens of the targets, row after row, `[target_tokens, d_model]`.
    pub(crate) decoder: Tensor<2>,
}

impl TargetStates {
    /// Reads a batch with the prompt of each row's task in front of it, or without prompts.
    pub(crate) fn new<B: Backbone, C: Compose>(
        backbone: &B,
        composition: Option<&C>,
        batch: &DeviceBatch,
    ) -> Self {
        let (ids, mask) = (batch.input_ids.clone(), batch.input_mask.clone());
        let (embeddings, mask) = embed_prompted(backbone, composition, &batch.tasks, ids, mask);
        let encoded = backbone.encode(embeddings, mask.clone());
        let hidden = backbone.decode(batch.decoder_input_ids.clone(), encoded.clone(), mask);
        Self::of(encoded, hidden, batch)
    }

    /// What counts of all states of a batch.
    ///
    /// # Shapes
    ///
    /// - `encoded`: `[batch, prompt_length + input_length, d_model]`
    /// - `decoded`: `[batch, target_length, d_model]`
    pub(crate) fn of(encoded: Tensor<3>, decoded: Tensor<3>, batch: &DeviceBatch) -> Self {
        let [_, length, _] = encoded.dims();
        let [_, input_length] = batch.input_mask.dims();
        let encoder = encoded.narrow(1, length - input_length, input_length);
        let [rows, length, d_model] = decoded.dims();
        let decoded = decoded.reshape([rows * length, d_model]);
        let decoder = decoded.select(0, batch.target_positions.clone());
        Self { encoder, decoder }
    }
}
