//! The backward pass of the frozen model, written by hand: one file per layer.
//!
//! A general autodiff saves the inputs of every operation. Here only the gradient with respect to
//! embeddings is needed, and the weights are constants. A linear layer therefore saves nothing, a
//! norm its input and one value per token, relu one bit per value, and attention its inputs,
//! weights and context.

mod attention;
mod cross_attention;
mod decoder;
mod encoder;
mod feed_forward;
mod linear;
mod norm;
mod residual;
mod self_attention;

use burn::tensor::{Bool, Int, Tensor};
use mtpt_core::{Backbone, StateGradients, Vjp};

use self::decoder::decoder_backward;
use self::encoder::encoder_backward;
use crate::model::saving::Saving;
use crate::model::t5::T5;

/// Implements [`Backbone::vjp`] for a frozen model and untracked embeddings.
pub(crate) fn vjp(
    model: &T5,
    embeddings: Tensor<3>,
    mask: Tensor<2, Bool>,
    decoder_input_ids: Tensor<2, Int>,
    prompt_length: usize,
) -> Vjp {
    let saving = Saving::Activations;
    let (encoded, encoder_saved) = model.encoder.forward(embeddings, mask.clone(), saving);
    let [_, targets] = decoder_input_ids.dims();
    let mut cache = model.decoder.cache(encoded.clone(), mask, Some(targets));
    let targets = model.embed(decoder_input_ids);
    let (decoded, decoder_saved) = model.decoder.forward(targets, &mut cache, saving);
    let (encoder_saved, decoder_saved) = encoder_saved
        .zip(decoder_saved)
        .expect("invariant: the activations are saved when requested");

    let (encoder, decoder) = (model.encoder.clone(), model.decoder.clone());
    Vjp::new(encoded.clone(), decoded, move |gradients: StateGradients| {
        let mut gradient = decoder_backward(&decoder, decoder_saved, gradients.decoder, &encoded);
        if let Some(of_encoder) = gradients.encoder {
            gradient = gradient + of_encoder;
        }
        encoder_backward(&encoder, encoder_saved, gradient, prompt_length)
    })
}
