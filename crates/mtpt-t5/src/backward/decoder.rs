use burn::tensor::Tensor;

use super::cross_attention::{EncodedGradient, cross_attention_backward};
use super::feed_forward::feed_forward_backward;
use super::self_attention::self_attention_backward;
use crate::model::batch_shape::BatchShape;
use crate::model::block::SavedDecoderBlock;
use crate::model::stack::{Decoder, SavedStack};

/// Returns the gradients with respect to the encoder states, `[batch, length, d_model]`, and with
/// respect to the decoder's prompt, if there are more positions than targets,
/// `[batch, decoder_length, d_model]`.
///
/// # Shapes
///
/// - `gradient`: `[batch, target_length, d_model]`, of the last positions
/// - `encoded`: `[batch, length, d_model]`
pub(super) fn decoder_backward(
    decoder: &Decoder,
    saved: SavedStack<SavedDecoderBlock>,
    gradient: Tensor<3>,
    encoded: &Tensor<3>,
) -> (Tensor<3>, Option<Tensor<3>>) {
    let SavedStack { shape, blocks, final_norm } = saved;
    let [batch, targets, d_model] = gradient.dims();
    let decoder_length = shape.length - targets;
    let gradient = if decoder_length == 0 {
        gradient
    } else {
        // The states of the prompt's positions aren't part of the output.
        let of_prompt = Tensor::<3>::zeros([batch, decoder_length, d_model], &gradient.device());
        Tensor::cat(vec![of_prompt.cast(gradient.dtype()), gradient], 1)
    };
    let (gradient, _) = BatchShape::flatten(gradient);
    let mut gradient = final_norm.backward(&decoder.final_norm, gradient);
    let mut of_encoded = EncodedGradient::default();
    for (index, (block, saved)) in decoder.blocks.iter().zip(blocks).enumerate().rev() {
        gradient =
            saved.feed_forward.backward(&block.feed_forward_norm, gradient, |saved, gradient| {
                feed_forward_backward(&block.feed_forward, saved, gradient)
            });
        gradient = saved.cross_attention.backward(
            &block.cross_attention_norm,
            gradient,
            |saved, gradient| {
                let inputs = (shape, encoded);
                let layer = &block.cross_attention;
                cross_attention_backward(layer, saved, gradient, inputs, &mut of_encoded)
            },
        );
        // The inputs of the first block are the prompt and then the target embeddings, which are
        // constants.
        let count = if index == 0 { decoder_length } else { shape.length };
        if count > 0 {
            gradient = saved.self_attention.backward_first(
                &block.self_attention_norm,
                gradient,
                (shape, count),
                |saved, gradient| {
                    let layer = &block.self_attention;
                    self_attention_backward(layer, saved, gradient, shape, count)
                },
            );
        }
    }
    let of_prompt = (decoder_length > 0)
        .then(|| BatchShape { length: decoder_length, ..shape }.unflatten(gradient));
    (of_encoded.sum(), of_prompt)
}
