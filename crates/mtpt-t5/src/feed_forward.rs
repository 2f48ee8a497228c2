use burn::module::{Initializer, Module};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, relu, silu};
use burn::tensor::{Device, Tensor};

use crate::config::{Activation, T5Config};

/// The position-wise part of a block: `f(x W_in) W_out`, or gated `(f(x W_gate) ∘ x W_in) W_out` (Shazeer, 2020, "GLU
/// variants improve transformer").
#[derive(Module, Debug)]
pub struct FeedForward {
    gate: Option<Linear>,
    input: Linear,
    output: Linear,
    dropout: Dropout,
    #[module(skip)]
    activation: Activation,
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

fn activate(x: Tensor<3>, activation: Activation) -> Tensor<3> {
    match activation {
        Activation::Relu => relu(x),
        Activation::Gelu => gelu(x),
        Activation::GeluTanh => gelu_tanh(x),
        Activation::Silu => silu(x),
    }
}

/// `x σ(2 √(2/π) (x + 0.044715 x³))`, which is gelu's approximation by a tanh, written with fewer steps.
fn gelu_tanh(x: Tensor<3>) -> Tensor<3> {
    const DOUBLED: f64 = 2.0 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
    const CUBE: f64 = 0.044715;
    let bracket = x.clone().square().mul_scalar(CUBE * DOUBLED).add_scalar(DOUBLED);
    let inner = x.clone() * bracket;
    x * burn::tensor::activation::sigmoid(inner)
}
