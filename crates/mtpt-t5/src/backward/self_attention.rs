use burn::tensor::Tensor;

use crate::model::attention::{Attention, SavedAttention};
use crate::model::batch_shape::{BatchShape, join_heads};

/// Returns the gradient with respect to the first `count` input tokens of each row,
/// `[batch * count, d_model]`: `∂Q W_qᵀ + ∂K W_kᵀ + ∂V W_vᵀ`.
pub(super) fn self_attention_backward(
    layer: &Attention,
    saved: SavedAttention,
    gradient: Tensor<2>,
    shape: BatchShape,
    count: usize,
) -> Tensor<2> {
    let context = shape.split_heads(layer.output.backward(gradient), layer.num_heads);
    let gradients = saved.backward(context, count, count);
    layer.query.backward(join_heads(gradients.query))
        + layer.key.backward(join_heads(gradients.key))
        + layer.value.backward(join_heads(gradients.value))
}
