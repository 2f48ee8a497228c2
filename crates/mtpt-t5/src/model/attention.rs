use burn::module::{Initializer, Module};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use crate::config::T5Config;
use crate::model::cross_attention::FewTargets;
use crate::model::softmax::softmax;

/// Keys and values of attention, split into heads.
#[derive(Debug, Clone)]
pub struct KeysValues {
    /// `[batch, heads, length, d_kv]`
    pub keys: Tensor<4>,
    /// `[batch, heads, length, d_kv]`
    pub values: Tensor<4>,
}

/// Multi-head attention as T5 has it: scores are not scaled, and a bias that carries positions and masks is added.
#[derive(Module, Debug)]
pub struct Attention {
    pub(crate) query: Linear,
    pub(crate) key: Linear,
    pub(crate) value: Linear,
    pub(crate) output: Linear,
    dropout: Dropout,
    pub(crate) num_heads: usize,
    pub(crate) d_kv: usize,
}

impl Attention {
    /// Attention with fresh weights.
    ///
    /// The queries start smaller by `d_kv^-0.5`: this stands for the scaling that the scores lack.
    pub fn init(config: &T5Config, device: &Device) -> Self {
        let inner_dim = config.inner_dim();
        let into_model = (config.d_model as f64).powf(-0.5);
        let into_query = ((config.d_model * config.d_kv) as f64).powf(-0.5);
        let out_of_heads = (inner_dim as f64).powf(-0.5);
        let linear = |d_input: usize, d_output: usize, std: f64| {
            let std = config.initializer_factor * std;
            LinearConfig::new(d_input, d_output)
                .with_bias(false)
                .with_initializer(Initializer::Normal { mean: 0.0, std })
                .init(device)
        };
        Self {
            query: linear(config.d_model, inner_dim, into_query),
            key: linear(config.d_model, inner_dim, into_model),
            value: linear(config.d_model, inner_dim, into_model),
            output: linear(inner_dim, config.d_model, out_of_heads),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
            num_heads: config.num_heads,
            d_kv: config.d_kv,
        }
    }

    /// Keys and values of what is attended to.
    ///
    /// # Shapes
    ///
    /// - `hidden`: `[batch, length, d_model]`
    /// - output: `[batch, heads, length, d_kv]` each
    pub fn keys_values(&self, hidden: Tensor<3>) -> KeysValues {
        KeysValues {
            keys: self.split_heads(self.key.forward(hidden.clone())),
            values: self.split_heads(self.value.forward(hidden)),
        }
    }

    /// What each position takes from the positions it attends to.
    ///
    /// # Shapes
    ///
    /// - `hidden`: `[batch, queries, d_model]`
    /// - `seen`: keys and values, `[batch, heads, keys, d_kv]` each
    /// - `bias`: broadcasts to `[batch, heads, queries, keys]`
    /// - output: `[batch, queries, d_model]`
    pub fn forward(&self, hidden: Tensor<3>, seen: KeysValues, bias: Tensor<4>) -> Tensor<3> {
        let query = self.split_heads(self.query.forward(hidden));
        let scores = query.matmul(seen.keys.swap_dims(2, 3)) + bias;
        let weights = self.dropout.forward(softmax(scores));
        let taken = weights.matmul(seen.values);
        self.output.forward(self.join_heads(taken))
    }

    /// The same of encoded tokens that are no keys and values yet: cheaper for few queries, see [`FewTargets`].
    ///
    /// # Shapes
    ///
    /// - `hidden`: `[batch, queries, d_model]`
    /// - `encoded`: `[batch, length, d_model]`
    /// - `bias`: `[batch, 1, 1, length]`
    /// - output: `[batch, queries, d_model]`
    pub(crate) fn forward_few(
        &self,
        hidden: Tensor<3>,
        encoded: Tensor<3>,
        bias: Tensor<4>,
    ) -> Tensor<3> {
        let [rows, targets, d_model] = hidden.dims();
        let few = FewTargets { layer: self, rows, targets };
        let queries = self.query.forward(hidden.reshape([rows * targets, d_model]));
        let weights = few.weigh(few.ask(queries), encoded.clone(), bias);
        let taken = self.dropout.forward(weights).matmul(encoded);
        self.output.forward(few.values(taken)).reshape([rows, targets, d_model])
    }

    /// `[batch, length, heads * d_kv]` to `[batch, heads, length, d_kv]`.
    pub(crate) fn split_heads(&self, projected: Tensor<3>) -> Tensor<4> {
        let [batch, length, _] = projected.dims();
        projected.reshape([batch, length, self.num_heads, self.d_kv]).swap_dims(1, 2)
    }

    /// `[batch, heads, length, d_kv]` to `[batch, length, heads * d_kv]`.
    pub(crate) fn join_heads(&self, heads: Tensor<4>) -> Tensor<3> {
        let [batch, _, length, _] = heads.dims();
        heads.swap_dims(1, 2).reshape([batch, length, self.num_heads * self.d_kv])
    }
}
