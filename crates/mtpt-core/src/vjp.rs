use std::fmt;

use burn::tensor::{Bool, Int, Tensor};

use crate::Backbone;

/// The gradients of a loss with regard to what a model made of its input.
///
/// # Shapes
///
/// As of the states of the [`Vjp`].
#[derive(Clone, Debug)]
pub struct StateGradients {
    /// With regard to [`Vjp::encoder_states`], if the loss depends on it otherwise than through the decoder.
    pub encoder: Option<Tensor<3>>,
    /// With regard to [`Vjp::decoder_states`].
    pub decoder: Tensor<3>,
}

/// What a frozen model makes of embeddings and of the targets it is to write, and the way back for gradients.
///
/// The chain rule is taken in three parts: a loss is made of these states and differentiated by itself, its gradients go
/// [back](Self::pullback) through the model, and what arrives at the embeddings goes on to the parameters they were made from.
pub struct Vjp {
    /// Final hidden states of the encoder, `[batch, length, d_model]`; rows at masked positions are unspecified.
    pub encoder_states: Tensor<3>,
    /// Final hidden states of the decoder, `[batch, target_length, d_model]`.
    pub decoder_states: Tensor<3>,
    pullback: Box<dyn FnOnce(StateGradients) -> Tensor<3>>,
}

impl Vjp {
    /// States, neither of them tracked, and the function that takes gradients back from them.
    pub fn new(
        encoder_states: Tensor<3>,
        decoder_states: Tensor<3>,
        pullback: impl FnOnce(StateGradients) -> Tensor<3> + 'static,
    ) -> Self {
        Self { encoder_states, decoder_states, pullback: Box::new(pullback) }
    }

    /// The gradient with regard to the first embeddings of each row, as many as were asked for.
    ///
    /// # Shapes
    ///
    /// - output: `[batch, prompt_length, d_model]`
    pub fn pullback(self, gradients: StateGradients) -> Tensor<3> {
        (self.pullback)(gradients)
    }
}

impl fmt::Debug for Vjp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Vjp")
            .field("encoder_states", &self.encoder_states.dims())
            .field("decoder_states", &self.decoder_states.dims())
            .finish_non_exhaustive()
    }
}

/// [`Backbone::vjp`] of any backbone, with every operation recorded: what a backward by hand must agree with.
///
/// # Shapes
///
/// As of [`Backbone::vjp`].
///
/// # Panics
///
/// On the way back, when what the backbone makes does not depend on the embeddings.
pub fn vjp_by_autodiff<B: Backbone + ?Sized>(
    backbone: &B,
    embeddings: Tensor<3>,
    mask: Tensor<2, Bool>,
    decoder_input_ids: Tensor<2, Int>,
    prompt_length: usize,
) -> Vjp {
    let embeddings = embeddings.without_autodiff().autodiff().require_grad();
    let encoder = backbone.encode(embeddings.clone(), mask.clone());
    let decoder = backbone.decode(decoder_input_ids, encoder.clone(), mask);
    let states = [encoder.clone(), decoder.clone()].map(Tensor::without_autodiff);
    let [encoder_states, decoder_states] = states;
    Vjp::new(encoder_states, decoder_states, move |gradients: StateGradients| {
        let mut along = (decoder * gradients.decoder.autodiff()).sum();
        if let Some(gradient) = gradients.encoder {
            along = along + (encoder * gradient.autodiff()).sum();
        }
        let mut gradients = along.backward();
        let gradient = embeddings.grad_remove(&mut gradients);
        gradient.expect("what is read depends on the embeddings").narrow(1, 0, prompt_length)
    })
}
