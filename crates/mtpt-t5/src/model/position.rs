//! Relative position bias, which T5 has instead of position embeddings.

use std::ops::Range;

use burn::module::{Initializer, Module};
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::config::T5Config;

/// Direction of attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To both sides, in the encoder. Half of the buckets are for positions after the query.
    Both,
    /// Only to earlier positions, in the decoder. All later positions count as the query's own.
    Back,
}

/// Returns the bucket of a relative position, `key - query`.
///
/// Near positions have a bucket each. Farther ones share buckets, in ranges that grow with the
/// logarithm of the distance. All positions from `max_distance` on share the last bucket.
///
/// The same as transformers' `T5Attention._relative_position_bucket`, whose values the tests
/// compare with.
///
/// `num_buckets` and `max_distance` must be in the ranges of [`T5Config::check`].
pub fn relative_position_bucket(
    relative_position: i64,
    direction: Direction,
    num_buckets: usize,
    max_distance: usize,
) -> usize {
    let (first, num_buckets) = match direction {
        Direction::Both if relative_position > 0 => (num_buckets / 2, num_buckets / 2),
        Direction::Both => (0, num_buckets / 2),
        Direction::Back => (0, num_buckets),
    };
    let distance = match direction {
        Direction::Both => relative_position.unsigned_abs() as usize,
        Direction::Back => (-relative_position).max(0) as usize,
    };
    let max_exact = num_buckets / 2;
    if distance < max_exact {
        return first + distance;
    }
    // In f32 and in this order, to round like torch at the boundaries of buckets.
    let ratio = (distance as f32 / max_exact as f32).ln();
    let whole = (max_distance as f64 / max_exact as f64).ln() as f32;
    let steps = (ratio / whole * (num_buckets - max_exact) as f32) as usize;
    first + (max_exact + steps).min(num_buckets - 1)
}

/// A trainable bias of the attention scores for each head and bucket of relative positions (Raffel
/// et al., 2020, section 2.1).
#[derive(Module, Debug)]
pub(crate) struct RelativePositionBias {
    pub(crate) table: Embedding,
    #[module(skip)]
    direction: Direction,
    num_buckets: usize,
    max_distance: usize,
}

impl RelativePositionBias {
    /// Returns an initialized bias.
    pub(crate) fn init(config: &T5Config, direction: Direction, device: &Device) -> Self {
        let std = config.initializer_factor * (config.d_model as f64).powf(-0.5);
        let num_buckets = config.relative_attention_num_buckets;
        Self {
            table: EmbeddingConfig::new(num_buckets, config.num_heads)
                .with_initializer(Initializer::Normal { mean: 0.0, std })
                .init(device),
            direction,
            num_buckets,
            max_distance: config.relative_attention_max_distance,
        }
    }

    /// Returns the bias of a range of queries and the first `keys` positions.
    ///
    /// # Shapes
    ///
    /// - output: `[1, heads, queries.len(), keys]`
    pub(crate) fn forward(&self, queries: Range<usize>, keys: usize) -> Tensor<4> {
        let positions: Vec<i64> = queries.map(|query| query as i64).collect();
        self.of_positions(&positions, keys).unsqueeze()
    }

    /// Returns the bias of queries at any positions and the first `keys` positions.
    ///
    /// # Shapes
    ///
    /// - output: `[heads, queries.len(), keys]`
    pub(crate) fn of_positions(&self, queries: &[i64], keys: usize) -> Tensor<3> {
        // The bucket depends on the distance only, so that the buckets of a query are a window of
        // one line.
        let first = queries.iter().min().copied().unwrap_or(0);
        let last = queries.iter().max().copied().unwrap_or(0);
        let line = self.buckets(-last..keys as i64 - first);
        let mut buckets = Vec::with_capacity(queries.len() * keys);
        for query in queries {
            let start = (last - query) as usize;
            buckets.extend_from_slice(&line[start..start + keys]);
        }
        let bias = self.of_buckets(buckets);
        let [heads, _] = bias.dims();
        bias.reshape([heads, queries.len(), keys])
    }

    /// Returns the bias of each relative position between a range of queries and the first `keys`
    /// positions, in ascending order.
    ///
    /// # Shapes
    ///
    /// - output: `[heads, queries.len() + keys - 1]`
    pub(crate) fn by_relative_position(&self, queries: Range<usize>, keys: usize) -> Tensor<2> {
        let (first, last) = (queries.start as i64, queries.end as i64 - 1);
        self.of_buckets(self.buckets(-last..keys as i64 - first))
    }

    fn buckets(&self, relative_positions: Range<i64>) -> Vec<i32> {
        let bucket = |relative_position| {
            relative_position_bucket(
                relative_position,
                self.direction,
                self.num_buckets,
                self.max_distance,
            )
        };
        relative_positions.map(|relative_position| bucket(relative_position) as i32).collect()
    }

    /// Returns the bias of buckets, `[heads, buckets]`.
    fn of_buckets(&self, buckets: Vec<i32>) -> Tensor<2> {
        let table = self.table.weight.val();
        let count = buckets.len();
        let buckets = Tensor::<1, Int>::from_data(
            TensorData::new(buckets, [count]),
            &table.device().without_autodiff(),
        );
        // From the transposed table, so that the result is in the memory order of the scores.
        table.transpose().select(1, buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_positions_have_separate_buckets() {
        for distance in 0..8 {
            assert_eq!(
                relative_position_bucket(-distance, Direction::Both, 32, 128),
                distance as usize
            );
        }
        for distance in 1..8 {
            assert_eq!(
                relative_position_bucket(distance, Direction::Both, 32, 128),
                16 + distance as usize
            );
        }
        assert_eq!(relative_position_bucket(5, Direction::Back, 32, 128), 0);
    }

    #[test]
    fn bias_depends_on_the_distance_only() {
        let device = Device::flex();
        device.seed(3);
        let config = T5Config::new(16, 8, 4, 8, 1, 1, 3);
        let bias = RelativePositionBias::init(&config, Direction::Back, &device);
        let whole = bias.forward(0..7, 7);
        // A later query alone, as in decoding with a cache, has the same row.
        let row = bias.forward(5..6, 6);
        assert_eq!(row.to_data(), whole.clone().slice([0..1, 0..3, 5..6, 0..6]).to_data());
        // Positions in any order, one of them in front of all keys.
        let rows = bias.of_positions(&[3, -1, 5], 4);
        let expected = |position| whole.clone().slice([0..1, 0..3, position..position + 1, 0..4]);
        for (row, position) in [(0, 3), (2, 5)] {
            let found = rows.clone().slice([0..3, row..row + 1, 0..4]);
            assert_eq!(found.to_data(), expected(position).squeeze_dim::<3>(0).to_data());
        }
    }
}
