use burn::tensor::Tensor;

use super::linear::linear_backward;
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
    let context = shape.split_heads(linear_backward(&layer.output, gradient), layer.num_heads);
    let gradients = saved.backward(context, count, count);
    linear_backward(&layer.query, join_heads(gradients.query))
        + linear_backward(&layer.key, join_heads(gradients.key))
        + linear_backward(&layer.value, join_heads(gradients.value))
}
