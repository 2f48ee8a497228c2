//! A minimal backbone: an embedding table, an encoder that returns its input, and a decoder that
//! adds the sum of the encoder's output to each embedding.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_core::{Backbone, Encoded};

pub(crate) struct TableBackbone {
    table: Tensor<2>,
}

impl TableBackbone {
    /// Creates a table with the values `i * width`, `i * width + 1`, ... in row `i`.
    pub(crate) fn new(vocab_size: usize, width: usize) -> Self {
        let values: Vec<f32> = (0..vocab_size * width).map(|value| value as f32).collect();
        let data = TensorData::new(values, [vocab_size, width]);
        Self { table: Tensor::from_data(data, &Device::flex()) }
    }
}

impl Backbone for TableBackbone {
    fn d_model(&self) -> usize {
        self.table.dims()[1]
    }

    fn vocab_size(&self) -> usize {
        self.table.dims()[0]
    }

    fn decoder_start_token_id(&self) -> u32 {
        0
    }

    fn pad_token_id(&self) -> u32 {
        0
    }

    fn eos_token_id(&self) -> u32 {
        1
    }

    fn device(&self) -> Device {
        Device::flex()
    }

    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let [batch, length] = ids.dims();
        let rows = self.table.clone().select(0, ids.reshape([batch * length]));
        rows.reshape([batch, length, self.d_model()])
    }

    fn encode(&self, embeddings: Tensor<3>, _mask: Tensor<2, Bool>) -> Tensor<3> {
        embeddings
    }

    fn decode(&self, decoder_input_ids: Tensor<2, Int>, encoded: Encoded) -> Tensor<3> {
        self.embed(decoder_input_ids) + encoded.states.sum_dim(1)
    }

    fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        hidden.matmul(self.table.clone().transpose())
    }
}
