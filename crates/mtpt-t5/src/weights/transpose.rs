use rayon::prelude::*;

/// Returns the transpose of a row-major matrix.
pub(crate) fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    // In tiles, so that every cache line is read and written as a whole.
    const TILE: usize = 16;
    let mut output = vec![0.0; values.len()];
    let lines = output.par_chunks_mut((TILE * rows).max(1)).enumerate();
    lines.for_each(|(number, output)| {
        let first_column = number * TILE;
        let width = output.len() / rows;
        for first_row in (0..rows).step_by(TILE) {
            let height = TILE.min(rows - first_row);
            let mut tile = [[0.0; TILE]; TILE];
            for (row, line) in tile.iter_mut().enumerate().take(height) {
                let begin = (first_row + row) * columns + first_column;
                line[..width].copy_from_slice(&values[begin..][..width]);
            }
            for (column, output) in output.chunks_exact_mut(rows).enumerate() {
                let output = &mut output[first_row..][..height];
                for (number, line) in output.iter_mut().zip(&tile) {
                    *number = line[column];
                }
            }
        }
    });
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_moves_to_its_transposed_position() {
        let (rows, columns) = (37, 70);
        let values: Vec<f32> = (0..rows * columns).map(|n| n as f32).collect();
        let output = transposed(&values, rows, columns);
        for row in 0..rows {
            for column in 0..columns {
                assert_eq!(output[column * rows + row], values[row * columns + column]);
            }
        }
        assert_eq!(transposed(&output, columns, rows), values);
    }
}
