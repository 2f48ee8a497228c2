use burn::tensor::{Bool, Device, Int, Tensor};
use mtpt_core::{Backbone, Reading, read_by_autodiff};

use crate::generate::greedy;
use crate::model::T5;
use crate::reading;

impl Backbone for T5 {
    fn d_model(&self) -> usize {
        self.config.d_model
    }

    fn vocab_size(&self) -> usize {
        self.config.vocab_size
    }

    fn decoder_start_token_id(&self) -> u32 {
        self.config.decoder_start_token_id
    }

    fn pad_token_id(&self) -> u32 {
        self.config.pad_token_id
    }

    fn eos_token_id(&self) -> u32 {
        self.config.eos_token_id
    }

    fn device(&self) -> Device {
        Self::device(self)
    }

    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        Self::embed(self, ids)
    }

    fn encode(&self, embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3> {
        Self::encode(self, embeddings, mask)
    }

    fn decode(
        &self,
        decoder_input_ids: Tensor<2, Int>,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
    ) -> Tensor<3> {
        Self::decode(self, decoder_input_ids, encoded, mask)
    }

    /// With forward and backward written by hand, where the model is frozen.
    fn read(
        &self,
        embeddings: Tensor<3>,
        mask: Tensor<2, Bool>,
        decoder_input_ids: Tensor<2, Int>,
        learned: usize,
    ) -> Reading {
        if self.shared.weight.val().is_autodiff() {
            // A model that has not been frozen drops out when it is trained on, and only what is recorded knows of that.
            return read_by_autodiff(self, embeddings, mask, decoder_input_ids, learned);
        }
        reading::read(self, embeddings.without_autodiff(), mask, decoder_input_ids, learned)
    }

    fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        Self::logits(self, hidden)
    }

    /// With the keys and values of what was read kept, so that each token is read once.
    fn decode_greedily(
        &self,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
        longest: usize,
    ) -> Vec<Vec<u32>> {
        greedy::decode(self, encoded, mask, longest).expect("the device gives its numbers back")
    }
}
