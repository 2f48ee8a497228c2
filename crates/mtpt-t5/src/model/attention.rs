use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Tensor};

use crate::config::T5Config;
use crate::model::attention_blocks::{AttentionBlocks, max_saved_scores, max_scores};
use crate::model::batch_shape::{BatchShape, join_heads};
use crate::model::saving::Saving;
use crate::model::score_bias::ScoreBias;
use crate::model::softmax::softmax;
use crate::projection::Projection;

/// Keys and values of an attention layer, by heads.
#[derive(Debug, Clone)]
pub(crate) struct KeysValues {
    /// `[batch, heads, length, d_kv]`
    pub(crate) keys: Tensor<4>,
    /// `[batch, heads, length, d_kv]`
    pub(crate) values: Tensor<4>,
}

/// Multi-head attention of T5: `softmax(Q Kᵀ + bias) V`.
///
/// The scores are not scaled. The bias holds the position bias and the mask.
#[derive(Module, Debug)]
pub(crate) struct Attention {
    pub(crate) query: Projection,
    pub(crate) key: Projection,
    pub(crate) value: Projection,
    pub(crate) output: Projection,
    pub(crate) dropout: Dropout,
    pub(crate) num_heads: usize,
    pub(crate) d_kv: usize,
}

/// Saved activations of an attention layer.
pub(crate) struct SavedAttention<W = SavedWeights> {
    /// `[batch, heads, queries, d_kv]`
    pub(crate) query: Tensor<4>,
    /// `[batch, heads, keys, d_kv]` each
    pub(crate) keys_values: KeysValues,
    pub(crate) weights: W,
    /// `[batch, heads, queries, d_kv]`
    pub(crate) context: Tensor<4>,
}

/// Attention weights for the backward pass.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each block, and its tensors take megabytes"
)]
pub(crate) enum SavedWeights {
    /// `[batch, heads, queries, keys]`
    Saved(Tensor<4>),
    /// The bias from which the weights of long rows are computed again.
    Recomputed(ScoreBias),
}

impl Attention {
    /// Returns an initialized layer.
    ///
    /// The initial queries are smaller by `d_kv^-0.5`, in place of a scaling of the scores.
    pub(crate) fn init(config: &T5Config, device: &Device) -> Self {
        let inner_dim = config.inner_dim();
        let key_std = (config.d_model as f64).powf(-0.5);
        let query_std = (config.d_model as f64 * config.d_kv as f64).powf(-0.5);
        let output_std = (inner_dim as f64).powf(-0.5);
        let linear = |d_input: usize, d_output: usize, std: f64| {
            Projection::init(d_input, d_output, config.initializer_factor * std, device)
        };
        Self {
            query: linear(config.d_model, inner_dim, query_std),
            key: linear(config.d_model, inner_dim, key_std),
            value: linear(config.d_model, inner_dim, key_std),
            output: linear(inner_dim, config.d_model, output_std),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
            num_heads: config.num_heads,
            d_kv: config.d_kv,
        }
    }

    /// Returns the linear layers.
    pub(crate) fn projections_mut(&mut self) -> [&mut Projection; 4] {
        [&mut self.query, &mut self.key, &mut self.value, &mut self.output]
    }

    /// Returns the keys and values of hidden states, `[batch * length, d_model]`.
    pub(crate) fn keys_values(&self, hidden: Tensor<2>, shape: BatchShape) -> KeysValues {
        KeysValues {
            keys: shape.split_heads(self.key.forward(hidden.clone()), self.num_heads),
            values: shape.split_heads(self.value.forward(hidden), self.num_heads),
        }
    }

    /// Applies the layer.
    ///
    /// # Shapes
    ///
    /// - `hidden`, output: `[batch * queries, d_model]`
    /// - `keys_values`: `[batch, heads, keys, d_kv]` each
    /// - `bias`: of `[batch, heads, queries, keys]`
    #[expect(clippy::too_many_arguments, reason = "five inputs besides the layer itself")]
    pub(crate) fn forward(
        &self,
        hidden: Tensor<2>,
        shape: BatchShape,
        keys_values: KeysValues,
        bias: ScoreBias,
        saving: Saving,
    ) -> (Tensor<2>, Option<SavedAttention>) {
        let query = shape.split_heads(self.query.forward(hidden), self.num_heads);
        let blocks = self.blocks(&query, &keys_values, saving);
        let saved_inputs = saving.save(|| (query.clone(), keys_values.clone()));
        let mut saved_weights = saving.save(|| SavedWeights::Recomputed(bias.clone()));
        let context = blocks.map(|block| {
            let query = block.of_queries(query.clone());
            let keys = block.of_keys(keys_values.keys.clone());
            let weights = attention_weights(query, keys, bias.of_block(&block));
            let weights = self.dropout.forward(weights);
            if blocks.is_single() {
                saved_weights = saving.save(|| SavedWeights::Saved(weights.clone()));
            }
            weights.matmul(block.of_keys(keys_values.values.clone()))
        });
        let saved = saved_inputs.zip(saved_weights).map(|((query, keys_values), weights)| {
            SavedAttention { query, keys_values, weights, context: context.clone() }
        });
        (self.output.forward(join_heads(context)), saved)
    }

    /// Returns the blocks in which attention is computed. It is computed as a whole if its weights
    /// are saved, or recorded by autodiff.
    fn blocks(
        &self,
        query: &Tensor<4>,
        keys_values: &KeysValues,
        saving: Saving,
    ) -> AttentionBlocks {
        let [batch, heads, queries, _] = query.dims();
        let [_, _, keys, _] = keys_values.keys.dims();
        let scores = [batch, heads, queries, keys];
        let device = query.device();
        let is_saved = saving == Saving::Activations
            && scores.into_iter().product::<usize>() <= max_saved_scores(&device);
        let max = if is_saved || query.is_autodiff() || keys_values.keys.is_autodiff() {
            usize::MAX
        } else {
            max_scores(&device)
        };
        AttentionBlocks::new(scores, max)
    }
}

/// Returns the attention weights, `softmax(Q Kᵀ + bias)`.
///
/// # Shapes
///
/// - `query`: `[batch, heads, queries, d_kv]`
/// - `keys`: `[batch, heads, keys, d_kv]`
/// - `bias`: broadcasts to `[batch, heads, queries, keys]`, as the output
pub(crate) fn attention_weights(query: Tensor<4>, keys: Tensor<4>, bias: Tensor<4>) -> Tensor<4> {
    softmax(query.matmul(keys.swap_dims(2, 3)) + bias)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::*;

    #[test]
    fn blocks_have_the_bits_of_the_whole() {
        let device = Device::flex();
        device.seed(9);
        let random = |shape| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        // More keys than gemm adds up at once, for products of the weights with the values.
        for (batch, queries, keys) in [(1, 300, 700), (3, 61, 40), (2, 199, 1100), (1, 5, 300)] {
            let query = random([batch, 3, queries, 16]);
            let (key, value) = (random([batch, 3, keys, 16]), random([batch, 3, keys, 16]));
            let bias = ScoreBias::Whole(random([1, 3, queries, keys]));
            let context = |max| {
                let blocks = AttentionBlocks::new([batch, 3, queries, keys], max);
                let context = blocks.map(|block| {
                    let (query, key) =
                        (block.of_queries(query.clone()), block.of_keys(key.clone()));
                    let weights = attention_weights(query, key, bias.of_block(&block));
                    weights.matmul(block.of_keys(value.clone()))
                });
                context.into_data()
            };
            let whole = context(usize::MAX);
            for max in [1, 3 * keys * 90, 3 * keys * queries, 6 * keys * queries] {
                assert!(
                    context(max) == whole,
                    "{batch} rows, {queries} queries, {keys} keys: {max}"
                );
            }
        }
    }
}
