//! The decoder's key/value cache.

use burn::tensor::{Int, Tensor};

use crate::model::attention::KeysValues;
use crate::model::cross_attention::CrossAttentionMode;

/// Keys and values of the decoder's past positions, which are its prompt and its tokens, and of the
/// encoder states.
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
    /// Returns the number of past positions: vectors of the decoder's prompt, and tokens.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Returns whether there are no past positions.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Replaces the past positions of decoder row `i` by those of row `rows[i]`.
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
    /// Appends the keys and values of new positions, and returns those of all positions.
    ///
    /// The past of an input row, which is its decoder prompt, is that of all its decoder rows.
    pub(crate) fn append(&mut self, new: KeysValues) -> KeysValues {
        let [rows, _, _, _] = new.keys.dims();
        let all = match self.keys_values.take() {
            None => new,
            Some(past) => KeysValues {
                keys: Tensor::cat(vec![repeat_rows(past.keys, rows), new.keys], 2),
                values: Tensor::cat(vec![repeat_rows(past.values, rows), new.values], 2),
            },
        };
        self.keys_values = Some(all.clone());
        all
    }
}

/// Repeats each row, so that there are `rows` of them: `[batch, ...]` to `[rows, ...]`.
fn repeat_rows(tensor: Tensor<4>, rows: usize) -> Tensor<4> {
    let [batch, heads, length, d_kv] = tensor.dims();
    if batch == rows {
        return tensor;
    }
    let count = rows / batch;
    tensor
        .unsqueeze_dim::<5>(1)
        .expand([batch, count, heads, length, d_kv])
        .reshape([rows, heads, length, d_kv])
}
