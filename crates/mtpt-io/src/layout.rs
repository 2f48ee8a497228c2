//! Index arithmetic of row-major arrays.

use burn::tensor::TensorData;

/// Returns the index along each axis of the element at a position of a row-major array.
pub fn unravel_index(position: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = position;
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let along_axis = rest % size;
            rest /= size;
            along_axis
        })
        .collect();
    index.reverse();
    index
}

/// Returns the index and value of the first element that is infinite or NaN.
pub fn first_non_finite(data: &TensorData) -> Option<(Vec<usize>, f32)> {
    let (position, value) = data.iter::<f32>().enumerate().find(|(_, value)| !value.is_finite())?;
    Some((unravel_index(position, data.shape()), value))
}

/// Returns the elements of a column-major array in row-major order.
pub(crate) fn to_row_major(values: &[f32], shape: &[usize]) -> Vec<f32> {
    (0..values.len())
        .map(|position| {
            let (mut rest, mut stride) = (position, values.len());
            // The last axis is the fastest in row-major order and the slowest in column-major order.
            let offsets = shape.iter().rev().map(|&size| {
                stride /= size;
                let index = rest % size;
                rest /= size;
                index * stride
            });
            values[offsets.sum::<usize>()]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_axis_is_the_fastest() {
        assert_eq!(unravel_index(0, &[2, 3, 4]), [0, 0, 0]);
        assert_eq!(unravel_index(23, &[2, 3, 4]), [1, 2, 3]);
        assert_eq!(unravel_index(6, &[2, 3, 4]), [0, 1, 2]);
        assert!(unravel_index(0, &[]).is_empty());
    }
}
