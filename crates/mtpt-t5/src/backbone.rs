use burn::tensor::{Bool, Device, Int, Tensor};
use mtpt_core::Backbone;

use crate::model::T5;

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

    fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        Self::logits(self, hidden)
    }
}
