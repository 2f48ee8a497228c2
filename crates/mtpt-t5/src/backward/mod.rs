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
mod long_attention;
mod norm;
mod residual;
mod self_attention;

use burn::tensor::{Int, Tensor};
use mtpt_core::{Backbone, Inputs, SplitPrompts, StateGradients, Vjp};

use self::decoder::decoder_backward;
use self::encoder::encoder_backward;
use crate::model::saving::Saving;
use crate::model::t5::T5;

/// Implements [`Backbone::vjp`] for a frozen model and untracked inputs.
pub(crate) fn vjp(
    model: &T5,
    inputs: Inputs,
    decoder_input_ids: Tensor<2, Int>,
    prompt_length: usize,
) -> Vjp {
    let saving = Saving::Activations;
    let Inputs { embeddings, mask, decoder_prompt } = inputs;
    let (encoded, encoder_saved) = model.encoder.forward(embeddings, mask.clone(), saving);
    let [_, targets] = decoder_input_ids.dims();
    let targets_embedded = model.embed(decoder_input_ids);
    let decoder_length = decoder_prompt.as_ref().map_or(0, |prompt| prompt.dims()[1]);
    let positions = decoder_length + targets;
    let mut cache = model.decoder.cache(encoded.clone(), mask, Some(positions));
    let embeddings = match decoder_prompt {
        Some(prompt) => Tensor::cat(vec![prompt, targets_embedded], 1),
        None => targets_embedded,
    };
    let (decoded, decoder_saved) = model.decoder.forward(embeddings, &mut cache, saving);
    let decoded = decoded.narrow(1, decoder_length, targets);
    let (encoder_saved, decoder_saved) = encoder_saved
        .zip(decoder_saved)
        .expect("invariant: the activations are saved when requested");

    let (encoder, decoder) = (model.encoder.clone(), model.decoder.clone());
    Vjp::new(encoded.clone(), decoded, move |gradients: StateGradients| {
        let (mut gradient, of_decoder_prompt) =
            decoder_backward(&decoder, decoder_saved, gradients.decoder, &encoded);
        if let Some(of_encoder) = gradients.encoder {
            gradient = gradient + of_encoder;
        }
        let of_prompt = encoder_backward(&encoder, encoder_saved, gradient, prompt_length);
        SplitPrompts { encoder: of_prompt, decoder: of_decoder_prompt }
    })
}
