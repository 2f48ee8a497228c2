//! What the decoder keeps between steps, so that each step computes its own token only.

use burn::tensor::{Int, Tensor};

use crate::model::attention::KeysValues;

/// Keys and values of everything the decoder has read, and of the encoder's output.
///
/// The encoder's are kept once per input row, even when several decoder rows, as the beams of a search, read from it.
#[derive(Debug, Clone)]
pub struct DecoderCache {
    pub(crate) layers: Vec<LayerCache>,
    /// `[batch, 1, 1, length]`, hides the padding of the encoder's output.
    pub(crate) cross_bias: Tensor<4>,
    pub(crate) length: usize,
}

/// The part of one decoder block.
#[derive(Debug, Clone)]
pub(crate) struct LayerCache {
    pub(crate) read: Option<KeysValues>,
    pub(crate) cross: Cross,
}

/// What the attention to the encoder reads.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "there are as many as blocks, and all hold megabytes elsewhere"
)]
pub(crate) enum Cross {
    /// Keys and values of the encoder's output, for any number of tokens.
    Projected(KeysValues),
    /// The encoder's output itself, `[batch, length, d_model]`, for a few tokens.
    Encoded(Tensor<3>),
}

impl DecoderCache {
    /// Number of tokens the decoder has read.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the decoder has read nothing yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Makes decoder row `i` go on from what row `rows[i]` has read.
    ///
    /// Rows must stay with the input row they belong to: what the decoder reads of the encoder is not moved.
    ///
    /// # Shapes
    ///
    /// - `rows`: `[decoder_rows]`
    pub fn reorder(&mut self, rows: Tensor<1, Int>) {
        for layer in &mut self.layers {
            if let Some(read) = layer.read.take() {
                layer.read = Some(KeysValues {
                    keys: read.keys.select(0, rows.clone()),
                    values: read.values.select(0, rows.clone()),
                });
            }
        }
    }
}

impl LayerCache {
    /// Appends keys and values of new tokens and gives all of them.
    pub(crate) fn append(&mut self, new: KeysValues) -> KeysValues {
        let all = match self.read.take() {
            None => new,
            Some(read) => KeysValues {
                keys: Tensor::cat(vec![read.keys, new.keys], 2),
                values: Tensor::cat(vec![read.values, new.values], 2),
            },
        };
        self.read = Some(all.clone());
        all
    }
}
