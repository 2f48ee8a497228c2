//! Checks for infinite and NaN elements.

use std::path::Path;

use burn::tensor::TensorData;

use crate::dtype::Dtype;
use crate::error::{Result, TensorError};
use crate::layout::unravel_index;

/// Number of elements that are checked at once. The check of a block has no branches, so that it
/// is compiled to vector instructions.
const BLOCK: usize = 4096;

/// Returns the index and value of the first element that is infinite or NaN.
pub fn first_non_finite(data: &TensorData) -> Option<(Vec<usize>, f32)> {
    let Ok(values) = data.as_slice::<f32>() else {
        let mut elements = data.iter::<f32>().enumerate();
        let (position, value) = elements.find(|(_, value)| !value.is_finite())?;
        return Some((unravel_index(position, data.shape()), value));
    };
    let block = values
        .chunks(BLOCK)
        .position(|block| block.iter().fold(false, |found, value| found | !value.is_finite()))?;
    let first = block * BLOCK;
    let position = first + values[first..].iter().position(|value| !value.is_finite())?;
    Some((unravel_index(position, data.shape()), values[position]))
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

/// Rejects a tensor like [`check_finite`], whose elements were converted from those of a file.
///
/// # Errors
///
/// As [`check_finite`], and [`TensorError::TooLarge`] for an infinite element that was converted
/// from a 64-bit float.
pub(crate) fn check_stored(
    data: &TensorData,
    stored: Dtype,
    path: &Path,
    tensor: Option<&str>,
) -> Result<()> {
    check_finite(data, path, tensor).map_err(|error| match error {
        // The element in the file is infinite or too large, which makes no difference.
        TensorError::NotFinite { path, tensor, index, value }
            if stored == Dtype::F64 && value.is_infinite() =>
        {
            TensorError::TooLarge { path, tensor, index }
        }
        error => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_in_every_block() {
        for position in [0, BLOCK - 1, BLOCK, 2 * BLOCK + 5] {
            let mut values = vec![0.0_f32; 2 * BLOCK + 6];
            values[position] = f32::NAN;
            let data = TensorData::new(values.clone(), [values.len()]);
            assert_eq!(first_non_finite(&data).unwrap().0, [position]);
            values[position] = f32::MAX;
            let length = values.len();
            assert_eq!(first_non_finite(&TensorData::new(values, [length])), None);
        }
    }
}
