use burn::nn::Linear;
use burn::tensor::Tensor;

/// `x W`, for tokens that stand in one matrix: `[tokens, d_input]` to `[tokens, d_output]`.
pub(super) fn product(layer: &Linear, tokens: Tensor<2>) -> Tensor<2> {
    tokens.matmul(layer.weight.val())
}

/// The gradient with regard to `x`: `g Wᵀ`.
pub(super) fn back_through(layer: &Linear, gradient: Tensor<2>) -> Tensor<2> {
    gradient.matmul(layer.weight.val().transpose())
}
