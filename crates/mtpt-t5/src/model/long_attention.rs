//! Self-attention of LongT5's encoder (Guo et al., 2022).

use burn::nn::RmsNorm;
use burn::tensor::{Bool, DType, Device, Tensor, TensorData};

use crate::family::LongAttention;
use crate::model::attention::{Attention, KeysValues, SavedAttention};
use crate::model::batch_shape::{BatchShape, pad_rows};
use crate::model::mask::{mask_value, window_bias};
use crate::model::norm::{SavedNorm, rms_norm};
use crate::model::position::RelativePositionBias;
use crate::model::saving::Saving;
use crate::model::score_bias::ScoreBias;
use crate::model::summary_blocks::SummaryBlocks;
use crate::model::windows::Windows;

/// The positions that each position of a batch attends to, the same in all blocks of the encoder.
///
/// In local attention these are the positions in a radius. In transient-global attention they
/// are also the row's summaries: normalized sums of the hidden states of consecutive tokens, whose
/// keys and values have the same projections as those of tokens.
pub(crate) struct LongPattern {
    pub(crate) windows: Windows,
    /// Position bias and mask, `[batch * blocks, heads, block_length, keys]`.
    bias: Tensor<4>,
    /// The tokens of each summary, `[batch, summaries, length]`.
    members: Option<Tensor<3>>,
}

/// Saved activations of a layer of [`LongPattern`].
pub(crate) struct SavedLongAttention {
    pub(crate) attention: SavedAttention,
    pub(crate) summary_norm: Option<SavedNorm>,
    pub(crate) windows: Windows,
    /// The tokens of each summary, `[batch, summaries, length]`.
    pub(crate) members: Option<Tensor<3>>,
}

/// The position biases of a LongT5's encoder.
pub(crate) struct PositionBiases<'a> {
    /// Between tokens.
    pub(crate) local: &'a RelativePositionBias,
    /// From the block of a token to the blocks of summaries.
    pub(crate) side: Option<&'a RelativePositionBias>,
}

impl LongPattern {
    /// Returns the pattern of a batch.
    ///
    /// # Shapes
    ///
    /// - `mask`: `[batch, length]`, `true` for tokens
    pub(crate) fn new(
        long: LongAttention,
        biases: &PositionBiases<'_>,
        mask: Tensor<2, Bool>,
    ) -> Self {
        let [batch, length] = mask.dims();
        let mask = mask.without_autodiff();
        let blocks = long.global_block_size.map(|size| SummaryBlocks::of_mask(mask.clone(), size));
        let blocks = blocks.filter(|blocks| blocks.count() > 0);
        let summaries = blocks.as_ref().map_or(0, SummaryBlocks::count);
        let windows = Windows::new(BatchShape { batch, length }, long.local_radius, summaries);

        let (first, queries) = (windows.first_query(), windows.queries());
        let range = first..first + queries.length;
        let keys = windows.local_keys();
        let local = biases.local.forward(range.clone(), keys);
        let (dtype, device) = (local.dtype(), mask.device());
        let local = local + window_bias(range, keys, long.local_radius, dtype, &device);

        let is_key = pad_rows(mask.float().cast(dtype).unsqueeze_dim(2), windows.rows().length);
        let mut is_key = vec![is_key.reshape([batch * windows.rows().length, 1])];
        let mut bias = local;
        if let (Some(blocks), Some(side)) = (&blocks, biases.side) {
            let side = side_bias(side, blocks, windows);
            let [_, heads, _, _] = bias.dims();
            bias = bias.expand([queries.batch, heads, queries.length, keys]);
            bias = Tensor::cat(vec![bias, side], 3);
            is_key.push(is_summary(blocks, dtype, &device));
        }
        let is_key = windows.gather(Tensor::cat(is_key, 0));
        let padding = is_key.neg().add_scalar(1.0).mul_scalar(mask_value(dtype));
        let padding = padding.reshape([queries.batch, 1, 1, windows.keys().length]);
        let members = blocks.map(|blocks| members(&blocks, windows, dtype, &device));
        Self { windows, bias: bias + padding, members }
    }

    /// Applies a layer of self-attention, given the norm of the summaries.
    ///
    /// # Shapes
    ///
    /// - `hidden`, output: `[batch * length, d_model]`, padded to whole blocks
    pub(crate) fn forward(
        &self,
        layer: &Attention,
        summary_norm: Option<&RmsNorm>,
        hidden: Tensor<2>,
        saving: Saving,
    ) -> (Tensor<2>, Option<SavedLongAttention>) {
        let mut inputs = hidden.clone();
        let mut saved_norm = None;
        if let (Some(members), Some(norm)) = (&self.members, summary_norm) {
            let rows = self.windows.rows().unflatten(hidden.clone());
            let (sums, _) = BatchShape::flatten(members.clone().matmul(rows));
            let (summaries, saved) = rms_norm(norm, sums, saving);
            inputs = Tensor::cat(vec![inputs, summaries], 0);
            saved_norm = saved;
        }
        let by_heads = |projected| {
            self.windows.keys().split_heads(self.windows.gather(projected), layer.num_heads)
        };
        let keys_values = KeysValues {
            keys: by_heads(layer.key.forward(inputs.clone())),
            values: by_heads(layer.value.forward(inputs)),
        };
        let queries = self.windows.queries();
        let bias = ScoreBias::Whole(self.bias.clone());
        let (output, saved) = layer.forward(hidden, queries, keys_values, bias, saving);
        let saved = saved.map(|attention| SavedLongAttention {
            attention,
            summary_norm: saved_norm,
            windows: self.windows,
            members: self.members.clone(),
        });
        (output, saved)
    }
}

/// Returns the bias of all positions and summaries,
/// `[batch * blocks, heads, block_length, summaries]`. It depends on the distance between the
/// block of a token and that of a summary.
fn side_bias(bias: &RelativePositionBias, blocks: &SummaryBlocks, windows: Windows) -> Tensor<4> {
    let length = windows.rows().length;
    let positions: Vec<i64> = blocks
        .ids
        .iter()
        .flat_map(|row| row.iter().copied().chain(std::iter::repeat(0)).take(length))
        .collect();
    let BatchShape { batch, length } = windows.queries();
    let bias = bias.of_positions(&positions, blocks.count());
    let [heads, _, summaries] = bias.dims();
    bias.reshape([heads, batch, length, summaries]).swap_dims(0, 1)
}

/// Returns 1 for the summaries that a row has, `[batch * summaries, 1]`.
fn is_summary(blocks: &SummaryBlocks, dtype: DType, device: &Device) -> Tensor<2> {
    let (batch, summaries) = (blocks.counts.len(), blocks.count());
    let values: Vec<f32> = blocks
        .counts
        .iter()
        .flat_map(|&count| (0..summaries).map(move |index| f32::from(u8::from(index < count))))
        .collect();
    Tensor::from_data(TensorData::new(values, [batch * summaries, 1]), (device, dtype))
}

/// Returns 1 for the tokens of each summary, `[batch, summaries, length]`.
fn members(blocks: &SummaryBlocks, windows: Windows, dtype: DType, device: &Device) -> Tensor<3> {
    let BatchShape { batch, length } = windows.rows();
    let summaries = blocks.count();
    let mut values = vec![0.0_f32; batch * summaries * length];
    for (row, ids) in blocks.ids.iter().enumerate() {
        for (position, &id) in ids.iter().enumerate() {
            if let Ok(summary) = usize::try_from(id) {
                values[(row * summaries + summary) * length + position] = 1.0;
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [batch, summaries, length]), (device, dtype))
}
