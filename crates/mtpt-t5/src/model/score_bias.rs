//! Biases of attention scores, which hold the position bias and the mask.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};

use crate::model::attention_blocks::{AttentionBlock, max_scores};
use crate::model::decoder_bias::causal_position_bias;
use crate::model::mask::mask_value;
use crate::model::position::RelativePositionBias;

/// The bias of the scores of an attention layer.
///
/// A position bias depends only on the distance between query and key, and so does the causal
/// mask. The bias of a long row is therefore not computed as a whole.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each block, and its tensors take megabytes"
)]
pub(crate) enum ScoreBias {
    /// Broadcasts to `[batch, heads, queries, keys]`.
    Whole(Tensor<4>),
    /// Of each relative position, in ascending order from the last query's to the first key.
    ByRelativePosition {
        /// `[heads, queries + keys - 1]`
        line: Tensor<2>,
        keys: usize,
        /// `[batch, 1, 1, keys]`
        padding: Option<Tensor<4>>,
    },
}

impl ScoreBias {
    /// Returns the bias of an encoder's self-attention, given the bias that masks padding,
    /// `[batch, 1, 1, length]`.
    pub(crate) fn with_padding(bias: &RelativePositionBias, padding: Tensor<4>) -> Self {
        let [batch, _, _, length] = padding.dims();
        if is_computed_whole(bias, [batch, length, length]) {
            return Self::Whole(bias.forward(0..length, length) + padding);
        }
        Self::padding_by_relative_position(bias, padding)
    }

    fn padding_by_relative_position(bias: &RelativePositionBias, padding: Tensor<4>) -> Self {
        let [_, _, _, length] = padding.dims();
        let line = bias.by_relative_position(0..length, length);
        Self::ByRelativePosition { line, keys: length, padding: Some(padding) }
    }

    /// Returns the bias of a decoder's self-attention.
    pub(crate) fn causal(bias: &RelativePositionBias, positions: Range<usize>) -> Self {
        let (new, keys) = (positions.len(), positions.end);
        if is_computed_whole(bias, [1, new, keys]) {
            return Self::Whole(causal_position_bias(bias, positions));
        }
        Self::causal_by_relative_position(bias, positions)
    }

    fn causal_by_relative_position(bias: &RelativePositionBias, positions: Range<usize>) -> Self {
        let (new, keys) = (positions.len(), positions.end);
        let line = bias.by_relative_position(positions, keys);
        let (dtype, device) = (line.dtype(), line.device().without_autodiff());
        // Keys after the query have positive relative positions.
        let mask = (0..new + keys - 1)
            .map(|index| if index + 1 > keys { mask_value(dtype) } else { 0.0 })
            .collect::<Vec<f32>>();
        let mask = TensorData::new(mask, [1, new + keys - 1]);
        let line = line + Tensor::<2>::from_data(mask, (&device, dtype));
        Self::ByRelativePosition { line, keys, padding: None }
    }

    /// Returns the bias of a block, which broadcasts to `[rows, heads, queries, keys]`.
    pub(crate) fn of_block(&self, block: &AttentionBlock) -> Tensor<4> {
        match self {
            Self::Whole(bias) => block.of_scores(bias.clone()),
            Self::ByRelativePosition { line, keys, padding } => {
                let [_, distances] = line.dims();
                // The line of the block ends with the relative positions of its first query.
                let end = distances - block.queries.start;
                let start = end - (block.queries.len() + keys - 1);
                let line = line.clone().narrow(1, start, end - start);
                let bias = line.unfold::<3, _>(1, *keys, 1).flip([1]).unsqueeze();
                match padding {
                    Some(padding) => bias + block.of_scores(padding.clone()),
                    None => bias,
                }
            }
        }
    }
}

/// Returns whether a bias of `[batch, queries, keys]` takes less memory than the scores that are
/// computed at once. A bias that is trained is always computed as a whole.
fn is_computed_whole(bias: &RelativePositionBias, [batch, queries, keys]: [usize; 3]) -> bool {
    let table = bias.table.weight.val();
    let [_, heads] = table.dims();
    table.is_autodiff() || batch * heads * queries * keys <= max_scores(&table.device())
}

/// The bias of each block's self-attention: position bias and mask.
pub(crate) struct StackBias<F> {
    /// Bias of the blocks that have no position bias.
    shared: Option<ScoreBias>,
    compute: F,
}

impl<F: Fn(&RelativePositionBias) -> ScoreBias> StackBias<F> {
    /// Prepares the bias of a stack, given its position bias and a function that adds the mask to
    /// a position bias.
    pub(crate) fn new(shared: Option<&RelativePositionBias>, compute: F) -> Self {
        Self { shared: shared.map(&compute), compute }
    }

    /// Returns the bias of a block, given its position bias.
    pub(crate) fn of_block(&self, own: Option<&RelativePositionBias>) -> ScoreBias {
        match (own, &self.shared) {
            (Some(own), _) => (self.compute)(own),
            (None, Some(shared)) => shared.clone(),
            (None, None) => unreachable!("invariant: a stack or its blocks have a position bias"),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Bool, DType, Device};

    use super::*;
    use crate::config::T5Config;
    use crate::model::attention_blocks::AttentionBlocks;
    use crate::model::mask::padding_bias;
    use crate::model::position::Direction;

    fn position_bias(direction: Direction) -> RelativePositionBias {
        let device = Device::flex();
        device.seed(6);
        let config = T5Config::new(16, 8, 4, 8, 1, 1, 3);
        RelativePositionBias::init(&config, direction, &device)
    }

    /// Compares all blocks of a bias with those of a bias computed as a whole, `[batch, heads,
    /// queries, keys]`.
    fn assert_blocks(found: &ScoreBias, expected: &Tensor<4>, batch: usize) {
        let [_, heads, queries, keys] = expected.dims();
        for max in [1, heads * keys * 100, usize::MAX] {
            let blocks = AttentionBlocks::new([batch, heads, queries, keys], max);
            let of_rows = |rows: usize, bias: Tensor<4>| match bias.dims() {
                [1, heads, queries, keys] => bias.expand([rows, heads, queries, keys]),
                _ => bias,
            };
            let all = blocks.map(|block| of_rows(block.rows.len(), found.of_block(&block)));
            assert_eq!(all.into_data(), of_rows(batch, expected.clone()).into_data(), "{max}");
        }
    }

    #[test]
    fn a_causal_bias_has_the_same_values_in_blocks() {
        let bias = position_bias(Direction::Back);
        for positions in [0..250, 40..250, 249..250] {
            let whole = causal_position_bias(&bias, positions.clone());
            let found = ScoreBias::causal_by_relative_position(&bias, positions);
            assert_blocks(&found, &whole, 2);
        }
    }

    #[test]
    fn a_bias_with_padding_has_the_same_values_in_blocks() {
        let bias = position_bias(Direction::Both);
        for lengths in [&[170][..], &[170, 200, 3]] {
            let rows = lengths.iter().flat_map(|&length| (0..200).map(move |index| index < length));
            let rows = TensorData::new(rows.collect::<Vec<bool>>(), [lengths.len(), 200]);
            let mask = Tensor::<2, Bool>::from_data(rows, &Device::flex());
            let [batch, _] = mask.dims();
            let padding = padding_bias(mask, DType::F32);
            let found = ScoreBias::padding_by_relative_position(&bias, padding.clone());
            assert_blocks(&found, &(bias.forward(0..200, 200) + padding), batch);
        }
    }
}
