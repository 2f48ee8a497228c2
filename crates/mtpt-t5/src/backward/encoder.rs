use burn::tensor::Tensor;

use super::feed_forward::feed_forward_backward;
use super::long_attention::long_attention_backward;
use super::self_attention::self_attention_backward;
use crate::model::batch_shape::{BatchShape, pad_rows};
use crate::model::block::{SavedEncoderAttention, SavedEncoderBlock};
use crate::model::stack::{Encoder, SavedStack};

/// Returns the gradient with respect to the first `prompt_length` embeddings of each row,
/// `[batch, prompt_length, d_model]`.
///
/// # Shapes
///
/// - `gradient`: `[batch, length, d_model]`
pub(super) fn encoder_backward(
    encoder: &Encoder,
    saved: SavedStack<SavedEncoderBlock>,
    gradient: Tensor<3>,
    prompt_length: usize,
) -> Tensor<3> {
    let SavedStack { shape, blocks, final_norm } = saved;
    let (gradient, _) = BatchShape::flatten(pad_rows(gradient, shape.length));
    let mut gradient = final_norm.backward(&encoder.final_norm, gradient);
    for (index, (block, saved)) in encoder.blocks.iter().zip(blocks).enumerate().rev() {
        gradient =
            saved.feed_forward.backward(&block.feed_forward_norm, gradient, |saved, gradient| {
                feed_forward_backward(&block.feed_forward, saved, gradient)
            });
        // The inputs of the first block are the embeddings, which are constants after the prompt.
        let count = if index == 0 { prompt_length } else { shape.length };
        gradient = saved.self_attention.backward_first(
            &block.self_attention_norm,
            gradient,
            (shape, count),
            |saved, gradient| match saved {
                SavedEncoderAttention::Full(saved) => {
                    self_attention_backward(&block.self_attention, saved, gradient, shape, count)
                }
                SavedEncoderAttention::Long(saved) => {
                    shape.first(long_attention_backward(block, saved, gradient), count)
                }
            },
        );
    }
    BatchShape { length: prompt_length, ..shape }.unflatten(gradient)
}
