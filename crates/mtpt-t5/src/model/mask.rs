//! Masks as numbers that are added to the scores of attention.

use burn::tensor::{Bool, DType, Device, Tensor, TensorData};

/// What is added to the score of a position that must not be seen.
///
/// Finite, so that a row without any visible position gives numbers and not NaN, and far below every score, so that
/// its exponential is zero beside any visible one.
pub(crate) fn hidden(dtype: DType) -> f32 {
    match dtype {
        // Half of the largest number of the type, so that adding a score cannot overflow.
        DType::F16 => -3.0e4,
        _ => -1.0e9,
    }
}

/// What hides padding.
///
/// # Shapes
///
/// - `mask`: `[batch, length]`, `true` where there is a token
/// - output: `[batch, 1, 1, length]`
pub(crate) fn padding_bias(mask: Tensor<2, Bool>, dtype: DType) -> Tensor<4> {
    let [batch, length] = mask.dims();
    mask.without_autodiff()
        .bool_not()
        .float()
        .cast(dtype)
        .mul_scalar(hidden(dtype))
        .reshape([batch, 1, 1, length])
}

/// What hides later positions from some of the last queries.
///
/// # Shapes
///
/// - output: `[1, 1, queries, keys]`, where query `i` stands at position `keys - queries + i`
pub(crate) fn causal_bias(queries: usize, keys: usize, dtype: DType, device: &Device) -> Tensor<4> {
    let first = keys - queries;
    let bias: Vec<f32> = (0..queries)
        .flat_map(|query| {
            (0..keys).map(move |key| if key > first + query { hidden(dtype) } else { 0.0 })
        })
        .collect();
    Tensor::from_data(TensorData::new(bias, [1, 1, queries, keys]), (device, dtype))
}
