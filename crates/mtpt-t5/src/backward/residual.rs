use burn::nn::RmsNorm;
use burn::tensor::Tensor;

use crate::model::batch_shape::BatchShape;
use crate::model::residual::SavedResidual;

impl<L> SavedResidual<L> {
    /// Returns the gradient with respect to the input `x` of `x + layer(norm(x))`:
    /// `g + norm'(layer'(g))`.
    ///
    /// `layer` maps the gradient with respect to the layer's output to the one with respect to its
    /// input.
    pub(super) fn backward(
        self,
        norm: &RmsNorm,
        gradient: Tensor<2>,
        layer: impl FnOnce(L, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let normed = layer(self.layer, gradient.clone());
        gradient + self.norm.backward(norm, normed)
    }

    /// Like [`backward`](Self::backward), for the first tokens of each row only. `layer` returns
    /// the gradient with respect to these.
    pub(super) fn backward_first(
        self,
        norm: &RmsNorm,
        gradient: Tensor<2>,
        (shape, count): (BatchShape, usize),
        layer: impl FnOnce(L, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let normed = layer(self.layer, gradient.clone());
        let normed = self.norm.first(shape, count).backward(norm, normed);
        shape.first(gradient, count) + normed
    }
}
