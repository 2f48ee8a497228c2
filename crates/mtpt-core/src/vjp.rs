use std::fmt;

use burn::tensor::Tensor;

use crate::split_prompts::SplitPrompts;

/// Gradients of a loss with respect to the final hidden states of a model.
///
/// # Shapes
///
/// Those of the states in [`Vjp`].
#[derive(Clone, Debug)]
pub struct StateGradients {
    /// Gradient with respect to [`Vjp::encoder_states`]; `None` if the loss depends on them only
    /// through the decoder.
    pub encoder: Option<Tensor<3>>,
    /// Gradient with respect to [`Vjp::decoder_states`].
    pub decoder: Tensor<3>,
}

/// Final hidden states of a forward pass through a frozen model, and the function that maps their
/// gradients to the gradients of the prompts (a vector-Jacobian product).
///
/// With it, the gradient of a loss is computed in three parts:
///
/// 1. **Loss to hidden states.** The loss is computed from the states as if they were inputs, and
///    autodiff yields their gradients. The model isn't part of this graph.
/// 2. **Hidden states to prompt.** [`pullback`](Self::pullback) takes these gradients through the
///    frozen model to the prompt. A hand-written backward pass only computes what the prompt's
///    gradient needs, and stores only the activations for that. It never computes a gradient of a
///    weight.
/// 3. **Prompt to parameters.** Autodiff takes the prompt's gradient to the parameters of the
///    composition that the prompt was computed from.
///
/// The result is the gradient that autodiff through the whole model would yield, by the chain rule.
pub struct Vjp {
    /// Final hidden states of the encoder, `[batch, length, d_model]`; vectors at masked positions
    /// are unspecified.
    pub encoder_states: Tensor<3>,
    /// Final hidden states of the decoder, `[batch, target_length, d_model]`.
    pub decoder_states: Tensor<3>,
    pullback: Box<dyn FnOnce(StateGradients) -> SplitPrompts>,
}

impl Vjp {
    /// Creates a result from untracked states and the function that computes the prompts'
    /// gradients.
    pub fn new(
        encoder_states: Tensor<3>,
        decoder_states: Tensor<3>,
        pullback: impl FnOnce(StateGradients) -> SplitPrompts + 'static,
    ) -> Self {
        Self { encoder_states, decoder_states, pullback: Box::new(pullback) }
    }

    /// Computes the gradients with respect to the encoder's prompt, the first embeddings of each
    /// row, and the decoder's prompt.
    pub fn pullback(self, gradients: StateGradients) -> SplitPrompts {
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
