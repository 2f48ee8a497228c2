//! Masks as biases that are added to attention scores.

use std::ops::Range;

use burn::tensor::{Bool, DType, Device, Tensor, TensorData};

/// Returns the bias of a masked position.
///
/// It is finite, so that a row without unmasked positions does not result in NaN. It is far below
/// every score, so that a masked position has weight zero next to an unmasked one.
pub(crate) fn mask_value(dtype: DType) -> f32 {
    match dtype {
        // Half of the largest value of the type, so that adding a score cannot overflow.
        DType::F16 => -3.0e4,
        _ => -1.0e9,
    }
}

/// Returns the bias that masks padding.
///
/// # Shapes
///
/// - `mask`: `[batch, length]`, `true` for tokens
/// - output: `[batch, 1, 1, length]`
pub(crate) fn padding_bias(mask: Tensor<2, Bool>, dtype: DType) -> Tensor<4> {
    let [batch, length] = mask.dims();
    mask.without_autodiff()
        .bool_not()
        .float()
        .cast(dtype)
        .mul_scalar(mask_value(dtype))
        .reshape([batch, 1, 1, length])
}

/// Returns the bias that masks later positions.
///
/// # Shapes
///
/// - output: `[1, 1, queries, keys]`; query `i` is at position `keys - queries + i`
pub(crate) fn causal_bias(queries: usize, keys: usize, dtype: DType, device: &Device) -> Tensor<4> {
    let first = keys - queries;
    let bias: Vec<f32> = (0..queries)
        .flat_map(|query| {
            (0..keys).map(move |key| if key > first + query { mask_value(dtype) } else { 0.0 })
        })
        .collect();
    Tensor::from_data(TensorData::new(bias, [1, 1, queries, keys]), (device, dtype))
}

/// Returns the bias that masks positions outside a radius.
///
/// # Shapes
///
/// - output: `[1, 1, queries.len(), keys]`; keys are the first positions
pub(crate) fn window_bias(
    queries: Range<usize>,
    keys: usize,
    radius: usize,
    dtype: DType,
    device: &Device,
) -> Tensor<4> {
    let count = queries.len();
    let bias: Vec<f32> = queries
        .flat_map(|query| {
            (0..keys).map(
                move |key| {
                    if query.abs_diff(key) > radius { mask_value(dtype) } else { 0.0 }
                },
            )
        })
        .collect();
    Tensor::from_data(TensorData::new(bias, [1, 1, count, keys]), (device, dtype))
}
