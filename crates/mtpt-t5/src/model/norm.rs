use burn::nn::{RmsNorm, RmsNormConfig};
use burn::tensor::{DType, Device, Tensor};

use crate::config::T5Config;
use crate::model::saving::Saving;

/// Returns an initialized norm with the configuration's epsilon.
pub(crate) fn init_norm(config: &T5Config, device: &Device) -> RmsNorm {
    RmsNormConfig::new(config.d_model).with_epsilon(config.layer_norm_epsilon).init(device)
}

/// Saved activations of a norm.
pub(crate) struct SavedNorm {
    /// `[tokens, d_model]`
    pub(crate) input: Tensor<2>,
    /// `1 / sqrt(mean(x²) + ε)` of each token in f32, `[tokens, 1]`.
    pub(crate) inverse_rms: Tensor<2>,
}

/// Applies a norm without mean and bias (Zhang and Sennrich, 2019): `x / sqrt(mean(x²) + ε) ∘ γ`.
///
/// The normalization is computed in f32, like in transformers: in f16 the square of a value above
/// 255 overflows.
///
/// # Shapes
///
/// - `input`, output: `[tokens, d_model]`
pub(crate) fn rms_norm(
    norm: &RmsNorm,
    input: Tensor<2>,
    saving: Saving,
) -> (Tensor<2>, Option<SavedNorm>) {
    let dtype = input.dtype();
    let saved_input = saving.save(|| input.clone());
    let input = input.cast(DType::F32);
    let mean_square = input.clone().square().mean_dim(1);
    let inverse_rms = mean_square.add_scalar(norm.epsilon).sqrt().recip();
    let normed = (input * inverse_rms.clone()).cast(dtype) * norm.gamma.val().unsqueeze();
    (normed, saved_input.map(|input| SavedNorm { input, inverse_rms }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_values_do_not_overflow_in_half_precision() {
        let device = Device::flex();
        let norm = RmsNormConfig::new(4).with_epsilon(1e-6).init(&device);
        let input = Tensor::<2>::from_floats([[300.0, -300.0, 3000.0, 0.0]], &device);
        let (expected, _) = rms_norm(&norm, input.clone(), Saving::Nothing);
        let expected: Vec<f32> = expected.try_into_vec_as().unwrap();
        for (dtype, tolerance) in [(DType::F16, 1e-3), (DType::BF16, 1e-2)] {
            let gamma = norm.gamma.val().cast(dtype);
            let norm = RmsNorm { gamma: burn::module::Param::from_tensor(gamma), ..norm.clone() };
            let (found, _) = rms_norm(&norm, input.clone().cast(dtype), Saving::Nothing);
            assert_eq!(found.dtype(), dtype);
            let found: Vec<f32> = found.cast(DType::F32).try_into_vec_as().unwrap();
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() <= tolerance * 2.0, "{found}, {expected}");
            }
        }
    }
}
