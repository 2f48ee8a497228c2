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
    masked_where(keys - queries..keys, keys, (dtype, device), |query, key| key > query)
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
    masked_where(queries, keys, (dtype, device), |query, key| query.abs_diff(key) > radius)
}

/// Returns the bias that masks the given pairs of positions, `[1, 1, queries.len(), keys]`.
fn masked_where(
    queries: Range<usize>,
    keys: usize,
    (dtype, device): (DType, &Device),
    is_masked: impl Fn(usize, usize) -> bool,
) -> Tensor<4> {
    let shape = [1, 1, queries.len(), keys];
    let pairs = queries.flat_map(|query| (0..keys).map(move |key| (query, key)));
    let value = |(query, key)| if is_masked(query, key) { mask_value(dtype) } else { 0.0 };
    let bias: Vec<f32> = pairs.map(value).collect();
    Tensor::from_data(TensorData::new(bias, shape), (device, dtype))
}
