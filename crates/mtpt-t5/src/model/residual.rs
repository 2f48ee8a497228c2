use burn::nn::{Dropout, RmsNorm};
use burn::tensor::Tensor;

use crate::model::norm::{SavedNorm, rms_norm};
use crate::model::saving::Saving;

/// Saved activations of a layer with its norm and residual connection.
pub(crate) struct SavedResidual<L> {
    pub(crate) norm: SavedNorm,
    pub(crate) layer: L,
}

/// Applies a layer with its norm and residual connection: `x + dropout(layer(norm(x)))`.
///
/// # Shapes
///
/// - `hidden`, output: `[tokens, d_model]`
pub(crate) fn residual<L>(
    hidden: Tensor<2>,
    norm: &RmsNorm,
    dropout: &Dropout,
    saving: Saving,
    layer: impl FnOnce(Tensor<2>) -> (Tensor<2>, Option<L>),
) -> (Tensor<2>, Option<SavedResidual<L>>) {
    let (normed, saved_norm) = rms_norm(norm, hidden.clone(), saving);
    let (output, saved_layer) = layer(normed);
    let saved = saved_norm.zip(saved_layer).map(|(norm, layer)| SavedResidual { norm, layer });
    (hidden + dropout.forward(output), saved)
}
