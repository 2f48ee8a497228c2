use burn::module::{Initializer, Module};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::config::T5Config;
use crate::model::batch_shape::{BatchShape, join_heads};
use crate::model::saving::Saving;
use crate::model::softmax::softmax;

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
    pub(crate) query: Linear,
    pub(crate) key: Linear,
    pub(crate) value: Linear,
    pub(crate) output: Linear,
    pub(crate) dropout: Dropout,
    pub(crate) num_heads: usize,
    pub(crate) d_kv: usize,
}

/// Saved activations of an attention layer.
pub(crate) struct SavedAttention {
    /// `[batch, heads, queries, d_kv]`
    pub(crate) query: Tensor<4>,
    /// `[batch, heads, keys, d_kv]` each
    pub(crate) keys_values: KeysValues,
    /// `[batch, heads, queries, keys]`
    pub(crate) weights: Tensor<4>,
    /// `[batch, heads, queries, d_kv]`
    pub(crate) context: Tensor<4>,
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
            let std = config.initializer_factor * std;
            LinearConfig::new(d_input, d_output)
                .with_bias(false)
                .with_initializer(Initializer::Normal { mean: 0.0, std })
                .init(device)
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
    /// - `bias`: broadcasts to `[batch, heads, queries, keys]`
    #[expect(clippy::too_many_arguments, reason = "five inputs besides the layer itself")]
    pub(crate) fn forward(
        &self,
        hidden: Tensor<2>,
        shape: BatchShape,
        keys_values: KeysValues,
        bias: Tensor<4>,
        saving: Saving,
    ) -> (Tensor<2>, Option<SavedAttention>) {
        let query = shape.split_heads(self.query.forward(hidden), self.num_heads);
        let saved_inputs = saving.save(|| (query.clone(), keys_values.clone()));
        let KeysValues { keys, values } = keys_values;
        let scores = query.matmul(keys.swap_dims(2, 3)) + bias;
        let weights = self.dropout.forward(softmax(scores));
        let saved_weights = saving.save(|| weights.clone());
        let context = weights.matmul(values);
        let saved = saved_inputs.zip(saved_weights).map(|((query, keys_values), weights)| {
            SavedAttention { query, keys_values, weights, context: context.clone() }
        });
        (self.output.forward(join_heads(context)), saved)
    }
}
