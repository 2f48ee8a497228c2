use burn::tensor::Tensor;

use crate::model::batch_shape::BatchShape;

/// Partition of rows into blocks, whose positions attend to their own block, to both neighbors, and
/// to the summaries of the row.
///
/// The positions in a radius around a position are in its block or a neighbor if the blocks are at
/// least as long as the radius. Attention over them takes memory proportional to the length of a
/// row times the radius. A short row is one block without neighbors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    /// Number of rows.
    batch: usize,
    /// Number of blocks of a row.
    blocks: usize,
    /// Number of positions of a block.
    block_length: usize,
    /// Number of summaries of a row.
    summaries: usize,
}

impl Windows {
    /// Returns the partition of rows of at least the given length.
    pub(crate) fn new(rows: BatchShape, radius: usize, summaries: usize) -> Self {
        let BatchShape { batch, length } = rows;
        let radius = radius.max(1);
        // Up to this length one block has no more scores than several with neighbors.
        let blocks = if length <= radius.saturating_mul(3) { 1 } else { length / radius };
        Self { batch, blocks, block_length: length.div_ceil(blocks), summaries }
    }

    /// Returns the shape of rows padded to whole blocks.
    pub(crate) fn rows(self) -> BatchShape {
        BatchShape { batch: self.batch, length: self.blocks * self.block_length }
    }

    /// Returns the shape of the queries, one row for each block.
    pub(crate) fn queries(self) -> BatchShape {
        BatchShape { batch: self.batch * self.blocks, length: self.block_length }
    }

    /// Returns the shape of the keys, one row for each block.
    pub(crate) fn keys(self) -> BatchShape {
        let length = self.local_keys() + self.summaries;
        BatchShape { batch: self.batch * self.blocks, length }
    }

    /// Returns the number of positions that a block attends to, without summaries.
    pub(crate) fn local_keys(self) -> usize {
        if self.blocks == 1 { self.block_length } else { 3 * self.block_length }
    }

    /// Returns the position of a block's first query among its keys.
    pub(crate) fn first_query(self) -> usize {
        if self.blocks == 1 { 0 } else { self.block_length }
    }

    /// Gathers the keys of each block. Neighbors outside the row are zero.
    ///
    /// # Shapes
    ///
    /// - `positions`: `[batch * length + batch * summaries, width]`, all positions, then all
    ///   summaries
    /// - output: `[batch * blocks * keys, width]`
    pub(crate) fn gather(self, positions: Tensor<2>) -> Tensor<2> {
        let Self { batch, blocks, block_length, summaries } = self;
        let [_, width] = positions.dims();
        let length = self.rows().length;
        let windows = [batch * blocks, block_length, width];
        let rows = positions.clone().narrow(0, 0, batch * length).reshape([batch, length, width]);
        let mut parts = if blocks == 1 {
            vec![rows]
        } else {
            let outside = rows.clone().narrow(1, 0, block_length).zeros_like();
            let rows = Tensor::cat(vec![outside.clone(), rows, outside], 1);
            let neighbor = |index| rows.clone().narrow(1, index * block_length, length);
            (0..3).map(|index| neighbor(index).reshape(windows)).collect()
        };
        if summaries > 0 {
            let rows = positions.narrow(0, batch * length, batch * summaries);
            let rows = rows.reshape([batch, 1, summaries, width]);
            let repeated = rows.expand([batch, blocks, summaries, width]);
            parts.push(repeated.reshape([batch * blocks, summaries, width]));
        }
        let keys = self.keys();
        Tensor::cat(parts, 1).reshape([keys.batch * keys.length, width])
    }

    /// Adds up the values of each position and summary over the blocks that it is a key of: the
    /// adjoint of [`gather`](Self::gather).
    ///
    /// # Shapes
    ///
    /// - `keys`: `[batch * blocks * keys, width]`
    /// - output: `[batch * length + batch * summaries, width]`
    pub(crate) fn scatter(self, keys: Tensor<2>) -> Tensor<2> {
        let Self { batch, blocks, block_length, summaries } = self;
        let [_, width] = keys.dims();
        let length = self.rows().length;
        let windows = self.keys().unflatten(keys);
        let neighbor = |index: usize| {
            let part = windows.clone().narrow(1, index * block_length, block_length);
            part.reshape([batch, length, width])
        };
        let rows = if blocks == 1 {
            neighbor(0)
        } else {
            let outside = neighbor(0).narrow(1, 0, block_length).zeros_like();
            let rest = length - block_length;
            let previous = neighbor(0).narrow(1, block_length, rest);
            let next = neighbor(2).narrow(1, 0, rest);
            neighbor(1)
                + Tensor::cat(vec![previous, outside.clone()], 1)
                + Tensor::cat(vec![outside, next], 1)
        };
        let rows = rows.reshape([batch * length, width]);
        if summaries == 0 {
            return rows;
        }
        let repeated = windows.narrow(1, self.local_keys(), summaries);
        let repeated = repeated.reshape([batch, blocks, summaries, width]);
        Tensor::cat(vec![rows, repeated.sum_dim(1).reshape([batch * summaries, width])], 0)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::*;

    #[test]
    fn blocks_cover_the_radius_with_little_padding() {
        for radius in [0, 1, 2, 7, 127] {
            for length in 1..1200 {
                let windows = Windows::new(BatchShape { batch: 2, length }, radius, 3);
                let rows = windows.rows().length;
                assert!(rows >= length && rows - length < windows.blocks);
                assert!(windows.blocks == 1 || windows.block_length >= radius);
                assert_eq!(windows.keys().length, windows.local_keys() + 3);
            }
        }
        let long = Windows::new(BatchShape { batch: 1, length: 16_384 }, 127, 0);
        assert_eq!(long.keys().batch * long.keys().length, 3 * 16_512);
    }

    #[test]
    fn blocks_contain_their_neighbors_and_all_summaries() {
        let device = Device::flex();
        let windows = Windows::new(BatchShape { batch: 2, length: 7 }, 2, 1);
        assert_eq!(windows.rows(), BatchShape { batch: 2, length: 9 });
        let values = Tensor::<1>::from_floats(
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 30].map(f64::from),
            &device,
        );
        let found: Vec<f32> = windows.gather(values.unsqueeze_dim(1)).try_into_vec_as().unwrap();
        let expected: [&[i32]; 6] = [
            &[0, 0, 0, 1, 2, 3, 4, 5, 6, 20],
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 20],
            &[4, 5, 6, 7, 8, 9, 0, 0, 0, 20],
            &[0, 0, 0, 11, 12, 13, 14, 15, 16, 30],
            &[11, 12, 13, 14, 15, 16, 17, 18, 19, 30],
            &[14, 15, 16, 17, 18, 19, 0, 0, 0, 30],
        ];
        assert_eq!(found, expected.concat().iter().map(|&value| value as f32).collect::<Vec<_>>());
    }

    #[test]
    fn scattering_is_the_adjoint_of_gathering() {
        let device = Device::flex();
        device.seed(4);
        for (length, radius, summaries) in [(5, 7, 0), (5, 7, 2), (40, 3, 0), (41, 3, 4)] {
            let windows = Windows::new(BatchShape { batch: 3, length }, radius, summaries);
            let inputs = 3 * (windows.rows().length + summaries);
            let outputs = windows.keys().batch * windows.keys().length;
            let random = |count| Tensor::<2>::random([count, 2], Distribution::Default, &device);
            let (x, y) = (random(inputs), random(outputs));
            let first = (windows.gather(x.clone()) * y.clone()).sum().into_scalar::<f32>();
            let second = (windows.scatter(y) * x).sum().into_scalar::<f32>();
            // Sums of some hundred f32 values below 1.
            assert!((first - second).abs() < 1e-3, "{length}: {first} and {second}");
        }
    }
}
