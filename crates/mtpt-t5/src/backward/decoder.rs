use burn::tensor::{Bool, Tensor};

use super::cross_attention::{CrossAttentionTrace, EncodedGradient};
use super::feed_forward::FeedForwardTrace;
use super::norm::NormTrace;
use super::rows::Rows;
use super::self_attention::SelfAttentionTrace;
use crate::model::mask::padding_bias;
use crate::model::stack::Decoder;

/// The decoder's way back.
pub(super) struct DecoderTrace {
    rows: Rows,
    encoded: Tensor<3>,
    blocks: Vec<BlockTrace>,
    final_norm: NormTrace,
}

struct BlockTrace {
    attention: SelfAttentionTrace,
    cross_attention: CrossAttentionTrace,
    norm: NormTrace,
    feed_forward: FeedForwardTrace,
}

impl DecoderTrace {
    /// Final hidden states of the targets' embeddings, both `[batch, target_length, d_model]`.
    ///
    /// # Shapes
    ///
    /// - `encoded`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`
    pub(super) fn forward(
        decoder: &Decoder,
        embeddings: Tensor<3>,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
    ) -> (Tensor<3>, Self) {
        let [batch, length, d_model] = embeddings.dims();
        let rows = Rows { batch, length };
        let bias = decoder.bias(0..length);
        let padding = padding_bias(mask, bias.dtype());
        let mut hidden = embeddings.reshape([batch * length, d_model]);
        let mut blocks = Vec::with_capacity(decoder.blocks.len());
        for block in &decoder.blocks {
            let layers = (&block.self_attention_norm, &block.self_attention);
            let (added, attention) =
                SelfAttentionTrace::forward(layers, hidden.clone(), rows, bias.clone());
            hidden = hidden + added;
            let layers = (&block.cross_attention_norm, &block.cross_attention);
            let (added, cross_attention) =
                CrossAttentionTrace::forward(layers, hidden.clone(), rows, &encoded, &padding);
            hidden = hidden + added;
            let (normed, norm) = NormTrace::forward(&block.feed_forward_norm, hidden.clone());
            let (added, feed_forward) = FeedForwardTrace::forward(&block.feed_forward, normed);
            hidden = hidden + added;
            blocks.push(BlockTrace { attention, cross_attention, norm, feed_forward });
        }
        let (hidden, final_norm) = NormTrace::forward(&decoder.final_norm, hidden);
        (hidden.reshape([batch, length, d_model]), Self { rows, encoded, blocks, final_norm })
    }

    /// The gradient with regard to the encoded rows, `[batch, length, d_model]`.
    pub(super) fn back(self, gradient: Tensor<3>) -> Tensor<3> {
        let Self { rows, encoded, blocks, final_norm } = self;
        let [_, _, d_model] = gradient.dims();
        let mut gradient = final_norm.back(gradient.reshape([rows.batch * rows.length, d_model]));
        let (mut sums, mut lefts, mut rights) = (Vec::new(), Vec::new(), Vec::new());
        for (number, block) in blocks.into_iter().enumerate().rev() {
            let added = block.norm.back(block.feed_forward.back(gradient.clone()));
            gradient = gradient + added;
            let (added, of_encoded) = block.cross_attention.back(gradient.clone(), rows, &encoded);
            match of_encoded {
                EncodedGradient::Product(left, right) => {
                    lefts.push(left);
                    rights.push(right);
                }
                EncodedGradient::Sum(sum) => sums.push(sum),
            }
            // What the first block's self-attention reads are the targets, which are constants.
            if number > 0 {
                gradient = gradient + added;
                let added = block.attention.back(gradient.clone(), rows, rows.length);
                gradient = gradient + added;
            }
        }
        // The products of all blocks are summed as one.
        if !lefts.is_empty() {
            sums.push(Tensor::cat(lefts, 1).swap_dims(1, 2).matmul(Tensor::cat(rights, 1)));
        }
        sums.into_iter().reduce(Tensor::add).expect("a decoder has blocks")
    }
}
