//! Attention over blocks of rows and queries, which bounds the memory of long rows.
//!
//! Softmax is computed for each query separately, so that blocks have the same results as the
//! whole. On a CPU they have the same bits, see [`MIN_QUERIES`].

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use mtpt_core::is_cpu;

/// Maximum number of scores of a block on a CPU, for all heads. They take 16 MiB in single
/// precision.
const MAX_CPU_SCORES: usize = 1 << 22;
/// Maximum number of scores of a block on a device that is parallel within each operation: 256 MiB
/// in single precision.
const MAX_SCORES: usize = 1 << 26;
/// Maximum number of attention weights of a layer that are saved for the backward pass on a CPU:
/// 128 MiB in single precision. More are computed again.
const MAX_SAVED_CPU_SCORES: usize = 1 << 25;
/// The same on a device that is parallel within each operation: 1 GiB.
const MAX_SAVED_SCORES: usize = 1 << 28;

/// Minimum number of queries of a block of a row. The matrix products of burn's CPU backend (the
/// crate gemm) add in another order if the result has at most 64 rows and columns.
const MIN_QUERIES: usize = 80;

/// Returns the maximum number of scores that are computed at once.
pub(crate) fn max_scores(device: &Device) -> usize {
    if is_cpu(device) { MAX_CPU_SCORES } else { MAX_SCORES }
}

/// Returns the maximum number of attention weights of a layer that are saved for the backward
/// pass.
pub(crate) fn max_saved_scores(device: &Device) -> usize {
    if is_cpu(device) { MAX_SAVED_CPU_SCORES } else { MAX_SAVED_SCORES }
}

/// Partition of the scores of a layer, `[batch, heads, queries, keys]`, into blocks: several rows,
/// or several queries of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AttentionBlocks {
    rows: Vec<Range<usize>>,
    queries: Vec<Range<usize>>,
}

/// Rows and queries of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AttentionBlock {
    pub(crate) rows: Range<usize>,
    pub(crate) queries: Range<usize>,
}

impl AttentionBlocks {
    /// Returns blocks of at most the given number of scores, or of one row with at most twice
    /// [`MIN_QUERIES`].
    pub(crate) fn new([batch, heads, queries, keys]: [usize; 4], max_scores: usize) -> Self {
        let max_queries = max_scores / (heads * keys).max(1);
        let max_rows = (max_queries / queries.max(1)).max(1);
        let row_blocks = batch.div_ceil(max_rows);
        let query_blocks = queries.div_ceil(max_queries.max(1)).min(queries / MIN_QUERIES);
        Self { rows: equal_ranges(batch, row_blocks), queries: equal_ranges(queries, query_blocks) }
    }

    /// Returns whether there is only one block.
    pub(crate) fn is_single(&self) -> bool {
        self.rows.len() == 1 && self.queries.len() == 1
    }

    /// Maps each block to a tensor `[rows, heads, queries, width]` and concatenates the results.
    pub(crate) fn map(&self, mut map: impl FnMut(AttentionBlock) -> Tensor<4>) -> Tensor<4> {
        let mut row = |rows: &Range<usize>| {
            let block = |queries: &Range<usize>| AttentionBlock {
                rows: rows.clone(),
                queries: queries.clone(),
            };
            cat(self.queries.iter().map(|queries| map(block(queries))).collect(), 2)
        };
        cat(self.rows.iter().map(&mut row).collect(), 0)
    }

    /// Returns the rows of blocks.
    pub(crate) fn rows(&self) -> &[Range<usize>] {
        &self.rows
    }

    /// Returns the queries of the blocks of a row.
    pub(crate) fn queries(&self) -> &[Range<usize>] {
        &self.queries
    }
}

impl AttentionBlock {
    /// Selects the block of a tensor by queries, `[batch, heads, queries, width]`.
    pub(crate) fn of_queries(&self, tensor: Tensor<4>) -> Tensor<4> {
        narrow(narrow(tensor, 0, &self.rows), 2, &self.queries)
    }

    /// Selects the block of a tensor by keys, `[batch, heads, keys, width]`.
    pub(crate) fn of_keys(&self, tensor: Tensor<4>) -> Tensor<4> {
        narrow(tensor, 0, &self.rows)
    }

    /// Selects the block of a tensor that broadcasts to `[batch, heads, queries, keys]`.
    pub(crate) fn of_scores(&self, tensor: Tensor<4>) -> Tensor<4> {
        let [batch, _, queries, _] = tensor.dims();
        let tensor = if batch == 1 { tensor } else { narrow(tensor, 0, &self.rows) };
        if queries == 1 { tensor } else { narrow(tensor, 2, &self.queries) }
    }
}

/// Selects a range of a dimension.
fn narrow(tensor: Tensor<4>, dimension: usize, range: &Range<usize>) -> Tensor<4> {
    if *range == (0..tensor.dims()[dimension]) {
        return tensor;
    }
    tensor.narrow(dimension, range.start, range.len())
}

/// Concatenates tensors, of which there is at least one.
fn cat(mut tensors: Vec<Tensor<4>>, dimension: usize) -> Tensor<4> {
    if tensors.len() == 1 { tensors.remove(0) } else { Tensor::cat(tensors, dimension) }
}

/// Divides a length into ranges whose lengths differ by at most one. There is at least one range.
fn equal_ranges(length: usize, count: usize) -> Vec<Range<usize>> {
    let count = count.max(1);
    (0..count).map(|index| length * index / count..length * (index + 1) / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_bounded_and_cover_all_scores() {
        for shape in [[1, 4, 11_000, 11_000], [3, 8, 512, 512], [200, 12, 128, 384], [2, 1, 0, 3]] {
            for max in [1, 5_000, 1 << 22] {
                let [batch, heads, queries, keys] = shape;
                let blocks = AttentionBlocks::new(shape, max);
                let is_cover = |ranges: &[Range<usize>], length| {
                    let starts = ranges.iter().map(|range| range.start);
                    let ends = std::iter::once(0).chain(ranges.iter().map(|range| range.end));
                    starts.eq(ends.clone().take(ranges.len())) && ends.last() == Some(length)
                };
                assert!(is_cover(&blocks.rows, batch) && is_cover(&blocks.queries, queries));
                for (rows, queries) in blocks
                    .rows
                    .iter()
                    .flat_map(|rows| blocks.queries.iter().map(move |q| (rows, q)))
                {
                    let scores = rows.len() * heads * queries.len() * keys;
                    let is_least = rows.len() == 1 && queries.len() <= 2 * MIN_QUERIES;
                    assert!(scores <= max || is_least, "{shape:?}: {rows:?}, {queries:?}");
                    assert!(queries.len() >= MIN_QUERIES || *queries == (0..shape[2]));
                }
            }
        }
        assert!(AttentionBlocks::new([4, 8, 64, 64], 1 << 22).is_single());
    }
}
