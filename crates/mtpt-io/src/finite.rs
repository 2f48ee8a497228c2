//! Checks for infinite and NaN elements.

use std::path::Path;

use burn::tensor::TensorData;

use crate::error::{Result, TensorError};
use crate::layout::unravel_index;

/// Returns the index and value of the first element that is infinite or NaN.
pub fn first_non_finite(data: &TensorData) -> Option<(Vec<usize>, f32)> {
    let (position, value) = data.iter::<f32>().enumerate().find(|(_, value)| !value.is_finite())?;
    Some((unravel_index(position, data.shape()), value))
}

/// Rejects a tensor with an element that is infinite or NaN. The path and the name are for
/// messages.
///
/// # Errors
///
/// [`TensorError::NotFinite`] for the first of them.
pub fn check_finite(data: &TensorData, path: &Path, tensor: Option<&str>) -> Result<()> {
    first_non_finite(data).map_or(Ok(()), |(index, value)| {
        let (path, tensor) = (path.to_owned(), tensor.map(str::to_owned));
        Err(TensorError::NotFinite { path, tensor, index, value })
    })
}
