//! Forward and backward of the frozen model by hand.
//!
//! A general autodiff keeps what each of its operations needs by itself. Here the gradient is taken with regard to embeddings
//! alone, through weights that do not learn: of a product with a weight nothing is kept, of a norm its input and one number a
//! token, of relu a bit, of attention its weights, and each backward is one formula.

mod attention;
mod cross_attention;
mod decoder;
mod encoder;
mod feed_forward;
mod linear;
mod norm;
mod rows;
mod self_attention;

use burn::tensor::{Bool, Int, Tensor};
use mtpt_core::{StateGradients, Vjp};

use self::decoder::DecoderTrace;
use self::encoder::EncoderTrace;
use crate::model::t5::T5;

/// What a model makes of embeddings and targets, as [`mtpt_core::Backbone::vjp`] says.
pub(crate) fn read(
    model: &T5,
    embeddings: Tensor<3>,
    mask: Tensor<2, Bool>,
    decoder_input_ids: Tensor<2, Int>,
    learned: usize,
) -> Vjp {
    let (encoded, encoder) = EncoderTrace::forward(&model.encoder, embeddings, mask.clone());
    let targets = model.embed(decoder_input_ids);
    let (decoded, decoder) = DecoderTrace::forward(&model.decoder, targets, encoded.clone(), mask);
    Vjp::new(encoded, decoded, move |gradients: StateGradients| {
        let mut gradient = decoder.back(gradients.decoder);
        if let Some(of_encoder) = gradients.encoder {
            gradient = gradient + of_encoder;
        }
        encoder.back(gradient, learned)
    })
}
