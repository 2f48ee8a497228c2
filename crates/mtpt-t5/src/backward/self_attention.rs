use burn::nn::RmsNorm;
use burn::tensor::Tensor;

use super::attention::HeadsTrace;
use super::linear::{back_through, product};
use super::norm::NormTrace;
use super::rows::Rows;
use crate::model::attention::Attention;

/// Self-attention on normed input, with what the way back through it needs.
pub(super) struct SelfAttentionTrace {
    norm: NormTrace,
    layer: Attention,
    heads: HeadsTrace,
}

impl SelfAttentionTrace {
    /// What is added to tokens, `[batch * length, d_model]`.
    ///
    /// # Shapes
    ///
    /// - `bias`: broadcasts to `[batch, heads, length, length]`
    pub(super) fn forward(
        (norm, layer): (&RmsNorm, &Attention),
        hidden: Tensor<2>,
        rows: Rows,
        bias: Tensor<4>,
    ) -> (Tensor<2>, Self) {
        let (normed, norm) = NormTrace::forward(norm, hidden);
        let [query, key, value] = [&layer.query, &layer.key, &layer.value]
            .map(|linear| rows.split(layer, product(linear, normed.clone())));
        let (taken, heads) = HeadsTrace::forward(query, key, value, bias);
        let output = product(&layer.output, rows.join(layer, taken));
        (output, Self { norm, layer: layer.clone(), heads })
    }

    /// The gradient with regard to the first `learned` tokens of each row, `[batch * learned, d_model]`.
    pub(super) fn back(self, gradient: Tensor<2>, rows: Rows, learned: usize) -> Tensor<2> {
        let layer = &self.layer;
        let gradient = rows.split(layer, back_through(&layer.output, gradient));
        let gradients = self.heads.back(gradient, learned, learned);
        let first = Rows { length: learned, ..rows };
        let normed = back_through(&layer.query, first.join(layer, gradients.query))
            + back_through(&layer.key, first.join(layer, gradients.key))
            + back_through(&layer.value, first.join(layer, gradients.value));
        self.norm.first(rows, learned).back(normed)
    }
}
