use burn::module::{Initializer, Module};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, relu, sigmoid, silu};
use burn::tensor::{Device, Tensor};

use crate::config::{Activation, T5Config};

/// The position-wise part of a block: `f(x W_in) W_out`, or gated `(f(x W_gate) ∘ x W_in) W_out` (Shazeer, 2020, "GLU
/// variants improve transformer").
#[derive(Module, Debug)]
pub struct FeedForward {
    pub(crate) gate: Option<Linear>,
    pub(crate) input: Linear,
    pub(crate) output: Linear,
    dropout: Dropout,
    #[module(skip)]
    pub(crate) activation: Activation,
}

impl FeedForward {
    /// A feed-forward layer with fresh weights.
    pub fn init(config: &T5Config, device: &Device) -> Self {
        let linear = |d_input: usize, d_output: usize| {
            let std = config.initializer_factor * (d_input as f64).powf(-0.5);
            LinearConfig::new(d_input, d_output)
                .with_bias(false)
                .with_initializer(Initializer::Normal { mean: 0.0, std })
                .init(device)
        };
        Self {
            gate: config.gated.then(|| linear(config.d_model, config.d_ff)),
            input: linear(config.d_model, config.d_ff),
            output: linear(config.d_ff, config.d_model),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
            activation: config.activation,
        }
    }

    /// What each position becomes, by itself.
    ///
    /// # Shapes
    ///
    /// - `hidden`: `[batch, length, d_model]`
    /// - output: `[batch, length, d_model]`
    pub fn forward(&self, hidden: Tensor<3>) -> Tensor<3> {
        let inner = match &self.gate {
            Some(gate) => {
                activate(gate.forward(hidden.clone()), self.activation) * self.input.forward(hidden)
            }
            None => activate(self.input.forward(hidden), self.activation),
        };
        self.output.forward(self.dropout.forward(inner))
    }
}

pub(crate) fn activate<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Relu => relu(x),
        Activation::Gelu => gelu(x),
        Activation::GeluTanh => gelu_tanh(x),
        Activation::Silu => silu(x),
    }
}

/// What stands before the bracket in `2 √(2/π) (x + 0.044715 x³)`.
const DOUBLED: f64 = 2.0 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
const CUBE: f64 = 0.044715;

/// `x σ(2 √(2/π) (x + 0.044715 x³))`, which is gelu's approximation by a tanh, written with fewer steps.
fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let bracket = x.clone().square().mul_scalar(CUBE * DOUBLED).add_scalar(DOUBLED);
    let inner = x.clone() * bracket;
    x * sigmoid(inner)
}

/// The derivative of an activation.
pub(crate) fn slope<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Relu => x.greater_elem(0.0).float(),
        // The normal distribution function, and `x` times its density.
        Activation::Gelu => {
            let density = x.clone().square().mul_scalar(-0.5).exp();
            let below = x.clone().mul_scalar(std::f64::consts::FRAC_1_SQRT_2).erf();
            let root = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2 / 2.0;
            below.add_scalar(1.0).mul_scalar(0.5) + x * density.mul_scalar(root)
        }
        Activation::GeluTanh => {
            let square = x.clone().square();
            let bracket = square.clone().mul_scalar(CUBE * DOUBLED).add_scalar(DOUBLED);
            let open = sigmoid(x.clone() * bracket);
            let inner = square.mul_scalar(3.0 * CUBE * DOUBLED).add_scalar(DOUBLED);
            let closed = open.clone().neg().add_scalar(1.0);
            (x * inner * closed).add_scalar(1.0) * open
        }
        Activation::Silu => {
            let open = sigmoid(x.clone());
            let closed = open.clone().neg().add_scalar(1.0);
            (x * closed).add_scalar(1.0) * open
        }
    }
}
