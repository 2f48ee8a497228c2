//! Activation functions and their derivatives.

use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, relu, sigmoid, silu};

use crate::config::Activation;

/// `2 √(2/π)`
const DOUBLED: f64 = 2.0 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
/// Coefficient of `x³` in the tanh approximation of gelu.
const CUBE: f64 = 0.044715;

/// Applies an activation function.
pub(crate) fn activate<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Relu => relu(x),
        Activation::Gelu => gelu(x),
        Activation::GeluTanh => gelu_tanh(x),
        Activation::Silu => silu(x),
    }
}

/// The tanh approximation of gelu, as `x σ(2 √(2/π) (x + 0.044715 x³))`, which takes fewer
/// operations.
fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let factor = x.clone().square().mul_scalar(CUBE * DOUBLED).add_scalar(DOUBLED);
    let argument = x.clone() * factor;
    x * sigmoid(argument)
}

/// Returns the derivative of an activation function at `x`.
///
/// - relu: `1` where `x > 0`, else `0`
/// - gelu: `Φ(x) + x φ(x)`
/// - gelu_tanh, with `s = σ(u(x))`: `s (1 + x u'(x) (1 - s))`
/// - silu, with `s = σ(x)`: `s (1 + x (1 - s))`
pub(crate) fn derivative<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Relu => {
            let dtype = x.dtype();
            x.greater_elem(0.0).float().cast(dtype)
        }
        Activation::Gelu => {
            let density = x.clone().square().mul_scalar(-0.5).exp();
            let erf = x.clone().mul_scalar(std::f64::consts::FRAC_1_SQRT_2).erf();
            let scale = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2 / 2.0;
            erf.add_scalar(1.0).mul_scalar(0.5) + x * density.mul_scalar(scale)
        }
        Activation::GeluTanh => {
            let square = x.clone().square();
            let factor = square.clone().mul_scalar(CUBE * DOUBLED).add_scalar(DOUBLED);
            let s = sigmoid(x.clone() * factor);
            let inner = square.mul_scalar(3.0 * CUBE * DOUBLED).add_scalar(DOUBLED);
            let complement = s.clone().neg().add_scalar(1.0);
            (x * inner * complement).add_scalar(1.0) * s
        }
        Activation::Silu => {
            let s = sigmoid(x.clone());
            let complement = s.clone().neg().add_scalar(1.0);
            (x * complement).add_scalar(1.0) * s
        }
    }
}
