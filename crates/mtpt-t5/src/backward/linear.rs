use burn::nn::Linear;
use burn::tensor::Tensor;

/// Returns the gradient with respect to the input of a linear layer `y = x W`: `g Wᵀ`.
pub(super) fn linear_backward(layer: &Linear, gradient: Tensor<2>) -> Tensor<2> {
    gradient.matmul(layer.weight.val().transpose())
}
