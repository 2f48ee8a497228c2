use burn::tensor::{Bool, Tensor};

use super::feed_forward::FeedForwardTrace;
use super::norm::NormTrace;
use super::rows::Rows;
use super::self_attention::SelfAttentionTrace;
use crate::model::stack::Encoder;

/// The encoder's way back.
pub(super) struct EncoderTrace {
    rows: Rows,
    blocks: Vec<BlockTrace>,
    final_norm: NormTrace,
}

struct BlockTrace {
    attention: SelfAttentionTrace,
    norm: NormTrace,
    feed_forward: FeedForwardTrace,
}

impl EncoderTrace {
    /// Final hidden states of embeddings, both `[batch, length, d_model]`.
    pub(super) fn forward(
        encoder: &Encoder,
        embeddings: Tensor<3>,
        mask: Tensor<2, Bool>,
    ) -> (Tensor<3>, Self) {
        let [batch, length, d_model] = embeddings.dims();
        let rows = Rows { batch, length };
        let bias = encoder.bias(mask);
        let mut hidden = embeddings.reshape([batch * length, d_model]);
        let mut blocks = Vec::with_capacity(encoder.blocks.len());
        for block in &encoder.blocks {
            let layers = (&block.self_attention_norm, &block.self_attention);
            let (added, attention) =
                SelfAttentionTrace::forward(layers, hidden.clone(), rows, bias.clone());
            hidden = hidden + added;
            let (normed, norm) = NormTrace::forward(&block.feed_forward_norm, hidden.clone());
            let (added, feed_forward) = FeedForwardTrace::forward(&block.feed_forward, normed);
            hidden = hidden + added;
            blocks.push(BlockTrace { attention, norm, feed_forward });
        }
        let (hidden, final_norm) = NormTrace::forward(&encoder.final_norm, hidden);
        (hidden.reshape([batch, length, d_model]), Self { rows, blocks, final_norm })
    }

    /// The gradient with regard to the first `learned` embeddings of each row, `[batch, learned, d_model]`.
    pub(super) fn back(self, gradient: Tensor<3>, learned: usize) -> Tensor<3> {
        let Self { rows, blocks, final_norm } = self;
        let Rows { batch, length } = rows;
        let [_, _, d_model] = gradient.dims();
        let mut gradient = final_norm.back(gradient.reshape([batch * length, d_model]));
        for (number, block) in blocks.into_iter().enumerate().rev() {
            let added = block.norm.back(block.feed_forward.back(gradient.clone()));
            gradient = gradient + added;
            // What the first block reads are the embeddings themselves, of which most are constants.
            let needed = if number == 0 { learned } else { length };
            let added = block.attention.back(gradient.clone(), rows, needed);
            gradient = rows.first(gradient, needed) + added;
        }
        gradient.reshape([batch, learned, d_model])
    }
}
