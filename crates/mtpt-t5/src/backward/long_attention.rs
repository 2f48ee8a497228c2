use burn::tensor::Tensor;

use crate::model::batch_shape::{BatchShape, join_heads};
use crate::model::block::EncoderBlock;
use crate::model::long_attention::SavedLongAttention;

/// Returns the gradient with respect to the input of a LongT5's self-attention,
/// `[batch * length, d_model]`.
///
/// A key's gradient is the sum over the blocks that attend to it. A summary's gradient is that of
/// each of its tokens, since a summary is the norm of their sum.
pub(super) fn long_attention_backward(
    block: &EncoderBlock,
    saved: SavedLongAttention,
    gradient: Tensor<2>,
) -> Tensor<2> {
    let layer = &block.self_attention;
    let SavedLongAttention { attention, summary_norm, windows, members } = saved;
    let queries = windows.queries();
    let context = queries.split_heads(layer.output.backward(gradient), layer.num_heads);
    let gradients = attention.backward(context, queries.length, windows.keys().length);
    let inputs = layer.key.backward(windows.scatter(join_heads(gradients.key)))
        + layer.value.backward(windows.scatter(join_heads(gradients.value)));
    let rows = windows.rows();
    let tokens = rows.batch * rows.length;
    let of_tokens =
        inputs.clone().narrow(0, 0, tokens) + layer.query.backward(join_heads(gradients.query));
    let (Some(saved), Some(norm), Some(members)) = (summary_norm, &block.summary_norm, members)
    else {
        return of_tokens;
    };
    let [batch, summaries, _] = members.dims();
    let of_sums = saved.backward(norm, inputs.narrow(0, tokens, batch * summaries));
    let of_sums = BatchShape { batch, length: summaries }.unflatten(of_sums);
    let (of_members, _) = BatchShape::flatten(members.swap_dims(1, 2).matmul(of_sums));
    of_tokens + of_members
}
