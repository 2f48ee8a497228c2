use burn::tensor::Tensor;

use crate::model::attention::{Attention, KeysValues, SavedAttention};
use crate::model::batch_shape::BatchShape;
use crate::model::saving::Saving;
use crate::model::score_bias::ScoreBias;
use crate::model::softmax::softmax;

/// Quotient of the times of products with floats and with integers.
const INT8_SPEEDUP: f64 = 3.0;

/// Encoder states as an input of cross-attention, which is the same in every decoding step.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each block, and its tensors take megabytes"
)]
pub(crate) enum CrossAttentionMode {
    /// Keys and values of the encoder states, for any number of decoder tokens.
    Projected(KeysValues),
    /// The encoder states themselves, `[batch, length, d_model]`, for few decoder tokens: see
    /// [`AbsorbedCrossAttention`].
    Absorbed(Tensor<3>),
}

/// Saved activations of cross-attention.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each block, and its tensors take megabytes"
)]
pub(crate) enum SavedCrossAttention {
    Projected(SavedAttention),
    Absorbed(SavedAbsorbed),
}

/// Saved activations of [`AbsorbedCrossAttention`].
pub(crate) struct SavedAbsorbed {
    /// The absorbed query, `[batch, heads * targets, d_model]`.
    pub(crate) query: Tensor<3>,
    /// `[batch, heads * targets, length]`
    pub(crate) weights: Tensor<3>,
    /// `[batch, heads * targets, d_model]`
    pub(crate) context: Tensor<3>,
}

impl CrossAttentionMode {
    /// Prepares encoder states, `[batch, length, d_model]`, for at most the given number of decoder
    /// tokens of each row, if it is known.
    pub(crate) fn new(layer: &Attention, encoded: Tensor<3>, targets: Option<usize>) -> Self {
        let [_, length, _] = encoded.dims();
        if targets.is_some_and(|targets| is_absorbing_cheaper(layer, targets, length)) {
            Self::Absorbed(encoded)
        } else {
            let (tokens, shape) = BatchShape::flatten(encoded);
            Self::Projected(layer.keys_values(tokens, shape))
        }
    }
}

/// Returns whether [`AbsorbedCrossAttention`] takes fewer multiplications.
fn is_absorbing_cheaper(layer: &Attention, targets: usize, length: usize) -> bool {
    let [d_model, inner_dim] = layer.key.shape();
    // In floating point, because the number of targets may be a limit of any size.
    let [d_model, inner_dim, heads, targets, length] =
        [d_model, inner_dim, layer.num_heads, targets, length].map(|size| size as f64);
    // Absorbed weights are always floats.
    let projections = if layer.key.is_int8() { 1.0 / INT8_SPEEDUP } else { 1.0 };
    let absorbed = targets * d_model * inner_dim + heads * targets * length * d_model;
    let projected = projections * length * d_model * inner_dim + targets * length * inner_dim;
    absorbed < projected
}

impl Attention {
    /// Applies the layer to encoder states.
    ///
    /// # Shapes
    ///
    /// - `hidden`, output: `[batch * targets, d_model]`
    /// - `bias`: `[batch, 1, 1, length]`
    #[expect(clippy::too_many_arguments, reason = "five inputs besides the layer itself")]
    pub(crate) fn forward_cross(
        &self,
        hidden: Tensor<2>,
        shape: BatchShape,
        encoded: CrossAttentionMode,
        bias: Tensor<4>,
        saving: Saving,
    ) -> (Tensor<2>, Option<SavedCrossAttention>) {
        match encoded {
            CrossAttentionMode::Projected(keys_values) => {
                let bias = ScoreBias::Whole(bias);
                let (output, saved) = self.forward(hidden, shape, keys_values, bias, saving);
                (output, saved.map(SavedCrossAttention::Projected))
            }
            CrossAttentionMode::Absorbed(encoded) => {
                let absorbed = AbsorbedCrossAttention { layer: self, shape };
                let (output, saved) = absorbed.forward(hidden, encoded, bias, saving);
                (output, saved.map(SavedCrossAttention::Absorbed))
            }
        }
    }
}

/// Cross-attention with the key and value projections absorbed into the decoder side.
///
/// The score of a query `q` and an encoder state `x` is `q · (x W_k) = (q W_kᵀ) · x`, and the
/// context is `Σ a (x W_v) = (Σ a x) W_v`. With few decoder tokens this is cheaper than projecting
/// every encoder state: each decoder token costs more by the number of heads, but no encoder state
/// is multiplied by a weight. The result is the same except for rounding.
pub(crate) struct AbsorbedCrossAttention<'a> {
    pub(crate) layer: &'a Attention,
    /// Rows of the encoder, and decoder tokens of each.
    pub(crate) shape: BatchShape,
}

impl AbsorbedCrossAttention<'_> {
    fn forward(
        &self,
        hidden: Tensor<2>,
        encoded: Tensor<3>,
        bias: Tensor<4>,
        saving: Saving,
    ) -> (Tensor<2>, Option<SavedAbsorbed>) {
        let Attention { query, output, dropout, .. } = self.layer;
        let [batch, length, _] = encoded.dims();
        let query = self.by_head(query.forward(hidden)).matmul(self.key().swap_dims(1, 2));
        let query = self.heads_to_rows(query);
        let saved_query = saving.save(|| query.clone());
        let scores = query.matmul(encoded.clone().swap_dims(1, 2));
        let weights = dropout.forward(softmax(scores + bias.reshape([batch, 1, length])));
        let saved_weights = saving.save(|| weights.clone());
        let context = weights.matmul(encoded);
        let saved = saved_query.zip(saved_weights).map(|(query, weights)| SavedAbsorbed {
            query,
            weights,
            context: context.clone(),
        });
        let values = self.join_heads(self.rows_to_heads(context).matmul(self.value()));
        (output.forward(values), saved)
    }

    /// The key projection by heads, `[heads, d_model, d_kv]`.
    pub(crate) fn key(&self) -> Tensor<3> {
        self.weight_by_head(self.layer.key.weight())
    }

    /// The value projection by heads, `[heads, d_model, d_kv]`.
    pub(crate) fn value(&self) -> Tensor<3> {
        self.weight_by_head(self.layer.value.weight())
    }

    fn weight_by_head(&self, weight: Tensor<2>) -> Tensor<3> {
        let [d_model, _] = weight.dims();
        weight.reshape([d_model, self.layer.num_heads, self.layer.d_kv]).swap_dims(0, 1)
    }

    /// `[batch * targets, heads * d_kv]` to `[heads, batch * targets, d_kv]`.
    pub(crate) fn by_head(&self, tokens: Tensor<2>) -> Tensor<3> {
        let [count, _] = tokens.dims();
        tokens.reshape([count, self.layer.num_heads, self.layer.d_kv]).swap_dims(0, 1)
    }

    /// `[heads, batch * targets, d_kv]` to `[batch * targets, heads * d_kv]`.
    pub(crate) fn join_heads(&self, heads: Tensor<3>) -> Tensor<2> {
        let [num_heads, count, d_kv] = heads.dims();
        heads.swap_dims(0, 1).reshape([count, num_heads * d_kv])
    }

    /// `[heads, batch * targets, d_model]` to `[batch, heads * targets, d_model]`.
    pub(crate) fn heads_to_rows(&self, heads: Tensor<3>) -> Tensor<3> {
        let [num_heads, _, d_model] = heads.dims();
        let BatchShape { batch, length } = self.shape;
        heads.reshape([num_heads, batch, length, d_model]).swap_dims(0, 1).reshape([
            batch,
            num_heads * length,
            d_model,
        ])
    }

    /// `[batch, heads * targets, d_model]` to `[heads, batch * targets, d_model]`.
    pub(crate) fn rows_to_heads(&self, rows: Tensor<3>) -> Tensor<3> {
        let [_, _, d_model] = rows.dims();
        let num_heads = self.layer.num_heads;
        let BatchShape { batch, length } = self.shape;
        rows.reshape([batch, num_heads, length, d_model]).swap_dims(0, 1).reshape([
            num_heads,
            batch * length,
            d_model,
        ])
    }
}
