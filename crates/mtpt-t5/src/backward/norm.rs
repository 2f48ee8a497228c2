use burn::nn::RmsNorm;
use burn::tensor::Tensor;

use super::rows::Rows;

/// What the way back through a norm needs.
pub(super) struct NormTrace {
    /// `[tokens, d_model]`
    input: Tensor<2>,
    /// One over the root of the mean square of each token, `[tokens, 1]`.
    inverse: Tensor<2>,
    /// `[1, d_model]`
    gamma: Tensor<2>,
}

impl NormTrace {
    /// Norms tokens, `[tokens, d_model]`.
    pub(super) fn forward(norm: &RmsNorm, input: Tensor<2>) -> (Tensor<2>, Self) {
        let gamma = norm.gamma.val().unsqueeze();
        let mean = input.clone().square().mean_dim(1);
        let inverse = mean.add_scalar(norm.epsilon).sqrt().recip();
        let output = input.clone() * inverse.clone() * gamma.clone();
        (output, Self { input, inverse, gamma })
    }

    /// The part of the first tokens of each row.
    pub(super) fn first(self, rows: Rows, first: usize) -> Self {
        let Self { input, inverse, gamma } = self;
        Self { input: rows.first(input, first), inverse: rows.first(inverse, first), gamma }
    }

    /// The gradient with regard to the input: `(g - n mean(g n)) / rms`, where `n` is the normed input and `g` the gradient
    /// times gamma.
    pub(super) fn back(self, gradient: Tensor<2>) -> Tensor<2> {
        let normed = self.input * self.inverse.clone();
        let gradient = gradient * self.gamma;
        let along = (gradient.clone() * normed.clone()).mean_dim(1);
        (gradient - normed * along) * self.inverse
    }
}
