use burn::nn::Linear;
use burn::tensor::{Bool, Tensor};

use super::linear::{back_through, product};
use crate::config::Activation;
use crate::model::feed_forward::{FeedForward, activate, slope};

/// What the way back through a feed-forward layer needs.
pub(super) struct FeedForwardTrace {
    gate: Option<Linear>,
    input: Linear,
    output: Linear,
    inner: Inner,
}

/// Of what stands between the products, `[tokens, d_ff]`.
#[expect(
    clippy::large_enum_variant,
    reason = "there are as many as blocks, and all hold megabytes elsewhere"
)]
enum Inner {
    /// Relu alone: where it gave something.
    Open(Tensor<2, Bool>),
    /// Another activation: what it was taken of, and what it is multiplied with, where the layer is gated.
    Smooth { activation: Activation, argument: Tensor<2>, factor: Option<Tensor<2>> },
}

impl FeedForwardTrace {
    /// What each token becomes, `[tokens, d_model]`.
    pub(super) fn forward(layer: &FeedForward, normed: Tensor<2>) -> (Tensor<2>, Self) {
        let FeedForward { gate, input, output, activation, .. } = layer;
        let (inner, trace) = match gate {
            None if *activation == Activation::Relu => {
                let inner = activate(product(input, normed), *activation);
                let open = inner.clone().greater_elem(0.0);
                (inner, Inner::Open(open))
            }
            None => {
                let argument = product(input, normed);
                let inner = activate(argument.clone(), *activation);
                (inner, Inner::Smooth { activation: *activation, argument, factor: None })
            }
            Some(gate) => {
                let argument = product(gate, normed.clone());
                let factor = product(input, normed);
                let inner = activate(argument.clone(), *activation) * factor.clone();
                let factor = Some(factor);
                (inner, Inner::Smooth { activation: *activation, argument, factor })
            }
        };
        let (gate, input) = (gate.clone(), input.clone());
        let trace = Self { gate, input, output: output.clone(), inner: trace };
        (product(output, inner), trace)
    }

    /// The gradient with regard to the normed input, `[tokens, d_model]`.
    pub(super) fn back(self, gradient: Tensor<2>) -> Tensor<2> {
        let gradient = back_through(&self.output, gradient);
        match self.inner {
            Inner::Open(open) => {
                let open = open.float().cast(gradient.dtype());
                back_through(&self.input, gradient * open)
            }
            Inner::Smooth { activation, argument, factor: None } => {
                back_through(&self.input, gradient * slope(argument, activation))
            }
            Inner::Smooth { activation, argument, factor: Some(factor) } => {
                let gate = self.gate.as_ref().expect("a layer with a factor has a gate");
                let of_factor = gradient.clone() * activate(argument.clone(), activation);
                let of_argument = gradient * factor * slope(argument, activation);
                back_through(&self.input, of_factor) + back_through(gate, of_argument)
            }
        }
    }
}
