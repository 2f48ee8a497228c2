//! Position bias and mask of the decoder's self-attention.

use std::ops::Range;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use mtpt_core::TokenTree;

use crate::model::mask::{causal_bias, mask_value};
use crate::model::position::RelativePositionBias;

/// Returns the position bias with the causal mask, `[1, heads, positions, positions.end]`.
pub(crate) fn causal_position_bias(
    bias: &RelativePositionBias,
    positions: Range<usize>,
) -> Tensor<4> {
    let (new, keys) = (positions.len(), positions.end);
    let bias = bias.forward(positions, keys);
    if new < 2 {
        return bias;
    }
    let (dtype, device) = (bias.dtype(), bias.device().without_autodiff());
    bias + causal_bias(new, keys, dtype, &device)
}

/// The paths from the nodes of token trees to the root, after earlier positions.
pub(crate) struct TreePaths {
    /// One more than the highest position.
    length: usize,
    /// Pairs of positions `query * length + key`, `[trees * nodes * keys]`.
    positions: Tensor<1, Int>,
    /// Mask of all nodes but ancestors, `[trees, 1, nodes, keys]`.
    mask: Tensor<4>,
}

impl TreePaths {
    /// Returns the paths of trees padded to a number of nodes, after a number of earlier positions.
    ///
    /// The position of a node is its depth plus the number of earlier positions.
    pub(crate) fn new(
        trees: &[&TokenTree],
        [past, nodes]: [usize; 2],
        dtype: DType,
        device: &Device,
    ) -> Self {
        let positions = |tree: &TokenTree| -> Vec<usize> {
            // Padding has depth 0 and attends to itself.
            let depth = |node| if node < tree.len() { tree.ancestors(node).count() - 1 } else { 0 };
            (0..nodes).map(|node| past + depth(node)).collect()
        };
        let positions: Vec<Vec<usize>> = trees.iter().map(|tree| positions(tree)).collect();
        let length = positions.iter().flatten().max().map_or(past, |position| position + 1);
        let keys = past + nodes;
        let count = trees.len() * nodes * keys;
        let (mut indices, mut mask) = (vec![0_i32; count], vec![mask_value(dtype); count]);
        for (number, (tree, positions)) in trees.iter().zip(&positions).enumerate() {
            for node in 0..nodes {
                let line: Vec<usize> =
                    if node < tree.len() { tree.ancestors(node).collect() } else { vec![node] };
                let line = line.into_iter().map(|key| (past + key, positions[key]));
                for (key, position) in (0..past).map(|key| (key, key)).chain(line) {
                    let index = (number * nodes + node) * keys + key;
                    indices[index] = (positions[node] * length + position) as i32;
                    mask[index] = 0.0;
                }
            }
        }
        let device = device.clone().without_autodiff();
        let mask = TensorData::new(mask, [trees.len(), 1, nodes, keys]);
        Self {
            length,
            positions: Tensor::from_data(TensorData::new(indices, [count]), &device),
            mask: Tensor::from_data(mask, (&device, dtype)),
        }
    }

    /// Returns the position bias between nodes and earlier positions or nodes with the mask,
    /// `[trees, heads, nodes, keys]`.
    pub(crate) fn bias(&self, bias: &RelativePositionBias) -> Tensor<4> {
        let length = self.length;
        let bias = causal_position_bias(bias, 0..length);
        let [_, heads, _, _] = bias.dims();
        let [trees, _, nodes, keys] = self.mask.dims();
        bias.reshape([heads, length * length])
            .select(1, self.positions.clone())
            .reshape([heads, trees, nodes, keys])
            .swap_dims(0, 1)
            + self.mask.clone()
    }
}
