use burn::nn::RmsNorm;
use burn::tensor::{DType, Tensor};

use crate::model::batch_shape::BatchShape;
use crate::model::norm::SavedNorm;

impl SavedNorm {
    /// Selects the first tokens of each row.
    pub(super) fn first(self, shape: BatchShape, count: usize) -> Self {
        Self {
            input: shape.first(self.input, count),
            inverse_rms: shape.first(self.inverse_rms, count),
        }
    }

    /// Returns the gradient with respect to the input: `(g - n mean(g ∘ n)) / rms`, where `n` is
    /// the normalized input and `g` the gradient times `γ`. Computed in f32, like the forward pass.
    pub(super) fn backward(self, norm: &RmsNorm, gradient: Tensor<2>) -> Tensor<2> {
        let dtype = gradient.dtype();
        let normed = self.input.cast(DType::F32) * self.inverse_rms.clone();
        let gradient = (gradient * norm.gamma.val().unsqueeze()).cast(DType::F32);
        let mean = (gradient.clone() * normed.clone()).mean_dim(1);
        ((gradient - normed * mean) * self.inverse_rms).cast(dtype)
    }
}
