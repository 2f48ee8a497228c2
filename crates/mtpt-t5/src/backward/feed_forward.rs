use burn::tensor::Tensor;

use crate::model::activation::{activate, derivative};
use crate::model::feed_forward::{FeedForward, SavedActivation};

/// Returns the gradient with respect to the input, `[tokens, d_model]`.
///
/// With `G = g W_outᵀ`:
///
/// - `f(x W_in) W_out`: `(G ∘ f'(x W_in)) W_inᵀ`
/// - `(f(x W_gate) ∘ x W_in) W_out`:
///   `(G ∘ f(x W_gate)) W_inᵀ + (G ∘ x W_in ∘ f'(x W_gate)) W_gateᵀ`
pub(super) fn feed_forward_backward(
    layer: &FeedForward,
    saved: SavedActivation,
    gradient: Tensor<2>,
) -> Tensor<2> {
    let activation = layer.activation;
    let gradient = layer.output.backward(gradient);
    match saved {
        SavedActivation::ReluMask(mask) => {
            let mask = mask.float().cast(gradient.dtype());
            layer.input.backward(gradient * mask)
        }
        SavedActivation::PreActivation { argument, factor: None } => {
            layer.input.backward(gradient * derivative(argument, activation))
        }
        SavedActivation::PreActivation { argument, factor: Some(factor) } => {
            let gate = layer.gate.as_ref().expect("invariant: a layer with a factor is gated");
            let of_factor = gradient.clone() * activate(argument.clone(), activation);
            let of_argument = gradient * factor * derivative(argument, activation);
            layer.input.backward(of_factor) + gate.backward(of_argument)
        }
    }
}
