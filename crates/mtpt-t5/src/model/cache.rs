//! The decoder's key/value cache.

use burn::tensor::{Int, Tensor};

use crate::model::attention::KeysValues;
use crate::model::cross_attention::CrossAttentionMode;

/// Keys and values of the decoder's past tokens and of the encoder states.
///
/// The encoder's are stored once for each input row, even if several decoder rows, such as the
/// beams of a search, attend to it.
#[derive(Debug, Clone)]
pub struct DecoderCache {
    pub(crate) layers: Vec<LayerCache>,
    /// Mask of the encoder's padding, `[batch, 1, 1, length]`.
    pub(crate) cross_bias: Tensor<4>,
    pub(crate) length: usize,
}

/// The cache of one decoder block.
#[derive(Debug, Clone)]
pub(crate) struct LayerCache {
    pub(crate) keys_values: Option<KeysValues>,
    pub(crate) cross: CrossAttentionMode,
}

impl DecoderCache {
    /// Returns the number of past tokens.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Returns whether there are no past tokens.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Replaces the past tokens of decoder row `i` by those of row `rows[i]`.
    ///
    /// Rows must remain with their input row: the encoder's keys and values are not moved.
    ///
    /// # Shapes
    ///
    /// - `rows`: `[decoder_rows]`
    pub fn reorder(&mut self, rows: Tensor<1, Int>) {
        for layer in &mut self.layers {
            if let Some(past) = layer.keys_values.take() {
                layer.keys_values = Some(KeysValues {
                    keys: past.keys.select(0, rows.clone()),
                    values: past.values.select(0, rows.clone()),
                });
            }
        }
    }
}

impl LayerCache {
    /// Appends the keys and values of new tokens, and returns those of all tokens.
    pub(crate) fn append(&mut self, new: KeysValues) -> KeysValues {
        let all = match self.keys_values.take() {
            None => new,
            Some(past) => KeysValues {
                keys: Tensor::cat(vec![past.keys, new.keys], 2),
                values: Tensor::cat(vec![past.values, new.values], 2),
            },
        };
        self.keys_values = Some(all.clone());
        all
    }
}
