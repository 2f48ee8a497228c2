//! Index arithmetic and reordering of row-major arrays.

use burn::tensor::TensorData;
use rayon::prelude::*;

/// Largest number of axes of an array, as in numpy.
const MAX_AXES: usize = 64;

/// Largest number of elements, so that their size in bytes doesn't overflow.
const MAX_ELEMENTS: usize = isize::MAX as usize / size_of::<f64>();

/// Returns the number of elements of a shape, `None` if it is no possible one: it has more than 64
/// axes, or the product of its sizes overflows, also without those that are zero.
pub fn element_count(shape: &[usize]) -> Option<usize> {
    let sizes = || shape.iter().copied();
    let product = sizes().try_fold(1_usize, |count, size| count.checked_mul(size.max(1)));
    let is_possible = shape.len() <= MAX_AXES && product.is_some_and(|count| count <= MAX_ELEMENTS);
    is_possible.then(|| sizes().product())
}

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

/// Returns the elements of an array in row-major order.
///
/// # Panics
///
/// When they are not 32-bit floats, which every reader of this crate returns.
pub fn f32_values(data: &TensorData) -> &[f32] {
    data.as_slice().expect("tensors of files are 32-bit floats")
}

/// Transposes a row-major matrix, on all threads.
pub fn transpose(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    // In tiles, so that each cache line is read and written at once.
    const TILE: usize = 16;
    let mut transposed = vec![0.0; values.len()];
    let strips = transposed.par_chunks_mut((TILE * rows).max(1)).enumerate();
    strips.for_each(|(strip, transposed)| {
        let first_column = strip * TILE;
        let width = transposed.len() / rows;
        for first_row in (0..rows).step_by(TILE) {
            let height = TILE.min(rows - first_row);
            let mut tile = [[0.0; TILE]; TILE];
            for (row, line) in tile.iter_mut().enumerate().take(height) {
                let start = (first_row + row) * columns + first_column;
                line[..width].copy_from_slice(&values[start..][..width]);
            }
            for (column, transposed) in transposed.chunks_exact_mut(rows).enumerate() {
                let transposed = &mut transposed[first_row..][..height];
                for (value, line) in transposed.iter_mut().zip(&tile) {
                    *value = line[column];
                }
            }
        }
    });
    transposed
}

/// Returns the arrays of shape `[...]` that an array `[count, ...]` consists of.
pub fn unstack(data: &TensorData) -> Vec<TensorData> {
    let (count, shape) = (data.shape()[0], &data.shape()[1..]);
    let values = f32_values(data);
    let size = values.len() / count.max(1);
    (0..count)
        .map(|index| TensorData::new(values[index * size..][..size].to_vec(), shape.to_vec()))
        .collect()
}

/// Joins arrays of one shape along a new first axis.
pub fn stack<'a>(parts: impl IntoIterator<Item = &'a TensorData>) -> TensorData {
    let (mut shape, mut values) = (Vec::new(), Vec::new());
    let mut count = 0;
    for part in parts {
        shape = part.shape().to_vec();
        values.extend_from_slice(f32_values(part));
        count += 1;
    }
    shape.insert(0, count);
    TensorData::new(values, shape)
}

/// Returns the part of an array at an index along an axis, without that axis.
pub fn select(data: &TensorData, axis: usize, index: usize) -> TensorData {
    let mut shape = data.shape().to_vec();
    let size = shape.remove(axis);
    let inner: usize = shape[axis..].iter().product();
    let values: Vec<f32> = f32_values(data)
        .chunks_exact((size * inner).max(1))
        .flat_map(|outer| &outer[index * inner..][..inner])
        .copied()
        .collect();
    TensorData::new(values, shape)
}

/// Returns the elements of a column-major array in row-major order.
pub(crate) fn to_row_major(values: &[f32], shape: &[usize]) -> Vec<f32> {
    (0..values.len())
        .map(|position| {
            let (mut rest, mut stride) = (position, values.len());
            // The last axis is the fastest in row-major order and the slowest in column-major
            // order.
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
    fn impossible_shapes_have_no_count() {
        assert_eq!(element_count(&[]), Some(1));
        assert_eq!(element_count(&[2, 3, 4]), Some(24));
        assert_eq!(element_count(&[1 << 20, 0]), Some(0));
        assert_eq!(element_count(&[1; 64]), Some(1));
        assert_eq!(element_count(&[1; 65]), None);
        assert_eq!(element_count(&[1 << 62, 4]), None);
        assert_eq!(element_count(&[0, 1 << 62, 4]), None);
        assert_eq!(element_count(&[1 << 60]), None);
    }

    #[test]
    fn the_last_axis_is_the_fastest() {
        assert_eq!(unravel_index(0, &[2, 3, 4]), [0, 0, 0]);
        assert_eq!(unravel_index(23, &[2, 3, 4]), [1, 2, 3]);
        assert_eq!(unravel_index(6, &[2, 3, 4]), [0, 1, 2]);
        assert!(unravel_index(0, &[]).is_empty());
    }

    #[test]
    fn transposing_moves_every_element() {
        let (rows, columns) = (37, 70);
        let values: Vec<f32> = (0..rows * columns).map(|value| value as f32).collect();
        let transposed = transpose(&values, [rows, columns]);
        for row in 0..rows {
            for column in 0..columns {
                assert_eq!(transposed[column * rows + row], values[row * columns + column]);
            }
        }
        assert_eq!(transpose(&transposed, [columns, rows]), values);
        assert!(transpose(&[], [0, 3]).is_empty());
    }

    #[test]
    fn stacking_is_undone_by_unstacking() {
        let parts = [[1.0_f32, 2.0], [3.0, 4.0]].map(TensorData::from);
        let stacked = stack(&parts);
        assert_eq!(stacked, TensorData::from([[1.0_f32, 2.0], [3.0, 4.0]]));
        assert_eq!(unstack(&stacked), parts);
    }

    #[test]
    fn selecting_drops_one_axis() {
        let data = TensorData::new((0..12).map(|value| value as f32).collect(), [2, 3, 2]);
        let check = |axis, index, shape: [usize; 2], values: &[f32]| {
            let expected = TensorData::new(values.to_vec(), shape);
            assert_eq!(select(&data, axis, index), expected);
        };
        check(0, 1, [3, 2], &[6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        check(1, 2, [2, 2], &[4.0, 5.0, 10.0, 11.0]);
        check(2, 0, [2, 3], &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
    }
}
