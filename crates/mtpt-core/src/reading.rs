use std::fmt;

use burn::tensor::{Bool, Int, Tensor};

use crate::Backbone;

/// The gradients of a loss with regard to what a model made of its input.
///
/// # Shapes
///
/// As of the states of the [`Reading`].
#[derive(Clone, Debug)]
pub struct StateGradients {
    /// With regard to [`Reading::encoder`], if the loss depends on it otherwise than through the decoder.
    pub encoder: Option<Tensor<3>>,
    /// With regard to [`Reading::decoder`].
    pub decoder: Tensor<3>,
}

/// What a frozen model makes of embeddings and of the targets it is to write, and the way back for gradients.
///
/// The chain rule is taken in three parts: a loss is made of these states and differentiated by itself, its gradients go
/// [back](Self::back) through the model, and what arrives at the embeddings goes on to the parameters they were made from.
pub struct Reading {
    /// Final hidden states of the encoder, `[batch, length, d_model]`; rows at masked positions are unspecified.
    pub encoder: Tensor<3>,
    /// Final hidden states of the decoder, `[batch, target_length, d_model]`.
    pub decoder: Tensor<3>,
    back: Box<dyn FnOnce(StateGradients) -> Tensor<3>>,
}

impl Reading {
    /// States, neither of them tracked, and the function that takes gradients back from them.
    pub fn new(
        encoder: Tensor<3>,
        decoder: Tensor<3>,
        back: impl FnOnce(StateGradients) -> Tensor<3> + 'static,
    ) -> Self {
        Self { encoder, decoder, back: Box::new(back) }
    }

    /// The gradient with regard to the first embeddings of each row, as many as were asked for.
    ///
    /// # Shapes
    ///
    /// - output: `[batch, learned, d_model]`
    pub fn back(self, gradients: StateGradients) -> Tensor<3> {
        (self.back)(gradients)
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Reading")
            .field("encoder", &self.encoder.dims())
            .field("decoder", &self.decoder.dims())
            .finish_non_exhaustive()
    }
}

/// [`Backbone::read`] of any backbone, with every operation recorded: what a backward by hand must agree with.
///
/// # Shapes
///
/// As of [`Backbone::read`].
///
/// # Panics
///
/// On the way back, when what the backbone makes does not depend on the embeddings.
pub fn read_by_autodiff<B: Backbone + ?Sized>(
    backbone: &B,
    embeddings: Tensor<3>,
    mask: Tensor<2, Bool>,
    decoder_input_ids: Tensor<2, Int>,
    learned: usize,
) -> Reading {
    let embeddings = embeddings.without_autodiff().autodiff().require_grad();
    let encoder = backbone.encode(embeddings.clone(), mask.clone());
    let decoder = backbone.decode(decoder_input_ids, encoder.clone(), mask);
    let states = [encoder.clone(), decoder.clone()].map(Tensor::without_autodiff);
    let [encoder_states, decoder_states] = states;
    Reading::new(encoder_states, decoder_states, move |gradients: StateGradients| {
        let mut along = (decoder * gradients.decoder.autodiff()).sum();
        if let Some(gradient) = gradients.encoder {
            along = along + (encoder * gradient.autodiff()).sum();
        }
        let mut gradients = along.backward();
        let gradient = embeddings.grad_remove(&mut gradients);
        gradient.expect("what is read depends on the embeddings").narrow(1, 0, learned)
    })
}
