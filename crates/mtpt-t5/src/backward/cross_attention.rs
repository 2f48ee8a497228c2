use burn::tensor::Tensor;

use crate::model::attention::Attention;
use crate::model::batch_shape::{BatchShape, join_heads};
use crate::model::cross_attention::{AbsorbedCrossAttention, SavedAbsorbed, SavedCrossAttention};

/// The gradient with respect to the encoder states, summed over the decoder blocks.
#[derive(Default)]
pub(super) struct EncodedGradient {
    /// Terms `[batch, length, d_model]`.
    sums: Vec<Tensor<3>>,
    /// Terms `leftᵀ right`: `[batch, n, length]` and `[batch, n, d_model]`. One product sums them.
    lefts: Vec<Tensor<3>>,
    rights: Vec<Tensor<3>>,
}

impl EncodedGradient {
    /// Returns the sum, `[batch, length, d_model]`.
    pub(super) fn sum(self) -> Tensor<3> {
        let Self { mut sums, lefts, rights } = self;
        if !lefts.is_empty() {
            sums.push(Tensor::cat(lefts, 1).swap_dims(1, 2).matmul(Tensor::cat(rights, 1)));
        }
        sums.into_iter().reduce(Tensor::add).expect("invariant: a decoder has blocks")
    }
}

/// Returns the gradient with respect to the decoder tokens, `[batch * targets, d_model]`, and adds
/// the one with respect to the encoder states.
pub(super) fn cross_attention_backward(
    layer: &Attention,
    saved: SavedCrossAttention,
    gradient: Tensor<2>,
    (shape, encoded): (BatchShape, &Tensor<3>),
    of_encoded: &mut EncodedGradient,
) -> Tensor<2> {
    let context = layer.output.backward(gradient);
    let query = match saved {
        SavedCrossAttention::Projected(saved) => {
            let [batch, length, _] = encoded.dims();
            let context = shape.split_heads(context, layer.num_heads);
            let gradients = saved.backward(context, shape.length, length);
            let tokens = layer.key.backward(join_heads(gradients.key))
                + layer.value.backward(join_heads(gradients.value));
            of_encoded.sums.push(BatchShape { batch, length }.unflatten(tokens));
            join_heads(gradients.query)
        }
        SavedCrossAttention::Absorbed(saved) => {
            let absorbed = AbsorbedCrossAttention { layer, shape };
            absorbed.backward(saved, context, encoded, of_encoded)
        }
    };
    layer.query.backward(query)
}

impl AbsorbedCrossAttention<'_> {
    /// Returns the gradient with respect to the queries, `[batch * targets, heads * d_kv]`.
    ///
    /// The formulas are those of attention, with the encoder states `X` as keys and values:
    /// `∂S = A ∘ (G Xᵀ - rowsum(G ∘ C))`, `∂Q = ∂S X`, `∂X = Aᵀ G + ∂Sᵀ Q`.
    fn backward(
        &self,
        saved: SavedAbsorbed,
        gradient: Tensor<2>,
        encoded: &Tensor<3>,
        of_encoded: &mut EncodedGradient,
    ) -> Tensor<2> {
        let SavedAbsorbed { query, weights, context } = saved;
        let gradient = self.by_head(gradient).matmul(self.value().swap_dims(1, 2));
        let gradient = self.heads_to_rows(gradient);
        let mean = (gradient.clone() * context).sum_dim(2);
        let of_weights = gradient.clone().matmul(encoded.clone().swap_dims(1, 2));
        let of_scores = (of_weights - mean) * weights.clone();
        let of_query = self.rows_to_heads(of_scores.clone().matmul(encoded.clone()));
        let of_query = self.join_heads(of_query.matmul(self.key()));
        of_encoded.lefts.push(Tensor::cat(vec![weights, of_scores], 1));
        of_encoded.rights.push(Tensor::cat(vec![gradient, query], 1));
        of_query
    }
}
