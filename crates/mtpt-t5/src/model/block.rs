use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, RmsNorm, RmsNormConfig};
use burn::tensor::{Device, Tensor};

use crate::config::T5Config;
use crate::model::attention::Attention;
use crate::model::cache::{Cross, LayerCache};
use crate::model::cross_attention::is_cheaper_for_few;
use crate::model::feed_forward::FeedForward;

/// A norm without mean and without bias (Zhang and Sennrich, 2019), with the configuration's epsilon.
pub(crate) fn norm(config: &T5Config, device: &Device) -> RmsNorm {
    RmsNormConfig::new(config.d_model).with_epsilon(config.layer_norm_epsilon).init(device)
}

/// One block of the encoder: self-attention, then feed-forward, each on normed input and added to it.
#[derive(Module, Debug)]
pub struct EncoderBlock {
    pub(crate) self_attention_norm: RmsNorm,
    pub(crate) self_attention: Attention,
    pub(crate) feed_forward_norm: RmsNorm,
    pub(crate) feed_forward: FeedForward,
    dropout: Dropout,
}

impl EncoderBlock {
    /// A block with fresh weights.
    pub fn init(config: &T5Config, device: &Device) -> Self {
        Self {
            self_attention_norm: norm(config, device),
            self_attention: Attention::init(config, device),
            feed_forward_norm: norm(config, device),
            feed_forward: FeedForward::init(config, device),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
        }
    }

    /// What the block makes of hidden states.
    ///
    /// # Shapes
    ///
    /// - `hidden`: `[batch, length, d_model]`
    /// - `bias`: broadcasts to `[batch, heads, length, length]`
    /// - output: `[batch, length, d_model]`
    pub fn forward(&self, hidden: Tensor<3>, bias: Tensor<4>) -> Tensor<3> {
        let normed = self.self_attention_norm.forward(hidden.clone());
        let seen = self.self_attention.keys_values(normed.clone());
        let attended = self.self_attention.forward(normed, seen, bias);
        let hidden = hidden + self.dropout.forward(attended);
        let forwarded = self.feed_forward.forward(self.feed_forward_norm.forward(hidden.clone()));
        hidden + self.dropout.forward(forwarded)
    }
}

/// One block of the decoder: as of the encoder, with attention to the encoder's output in between.
#[derive(Module, Debug)]
pub struct DecoderBlock {
    pub(crate) self_attention_norm: RmsNorm,
    pub(crate) self_attention: Attention,
    pub(crate) cross_attention_norm: RmsNorm,
    pub(crate) cross_attention: Attention,
    pub(crate) feed_forward_norm: RmsNorm,
    pub(crate) feed_forward: FeedForward,
    dropout: Dropout,
}

impl DecoderBlock {
    /// A block with fresh weights.
    pub fn init(config: &T5Config, device: &Device) -> Self {
        Self {
            self_attention_norm: norm(config, device),
            self_attention: Attention::init(config, device),
            cross_attention_norm: norm(config, device),
            cross_attention: Attention::init(config, device),
            feed_forward_norm: norm(config, device),
            feed_forward: FeedForward::init(config, device),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
        }
    }

    /// What is read of the encoder's output, which is the same at every step: for so many tokens a row, if that is known.
    ///
    /// # Shapes
    ///
    /// - `encoded`: `[batch, length, d_model]`
    pub(crate) fn cross(&self, encoded: Tensor<3>, tokens: Option<usize>) -> Cross {
        let [_, length, _] = encoded.dims();
        let few = |tokens| is_cheaper_for_few(&self.cross_attention, tokens, length);
        if tokens.is_some_and(few) {
            Cross::Encoded(encoded)
        } else {
            Cross::Projected(self.cross_attention.keys_values(encoded))
        }
    }

    /// Reads tokens after those in the cache, and adds them to it.
    ///
    /// # Shapes
    ///
    /// - `hidden`: `[rows, new, d_model]`, rows a multiple of the batch that `cache.cross` was made from
    /// - `bias`: broadcasts to `[rows, heads, new, read + new]`
    /// - `cross_bias`: `[batch, 1, 1, length]`
    /// - output: `[rows, new, d_model]`
    pub(crate) fn forward(
        &self,
        hidden: Tensor<3>,
        bias: Tensor<4>,
        cross_bias: Tensor<4>,
        cache: &mut LayerCache,
    ) -> Tensor<3> {
        let [rows, new, d_model] = hidden.dims();
        let normed = self.self_attention_norm.forward(hidden.clone());
        let seen = cache.append(self.self_attention.keys_values(normed.clone()));
        let attended = self.self_attention.forward(normed, seen, bias);
        let hidden = hidden + self.dropout.forward(attended);

        // Attention to the encoder knows no positions, so the tokens of all rows that share an input row can stand in
        // one: its keys and values are then neither copied nor moved.
        let [batch, _, _, _] = cross_bias.dims();
        let normed = self.cross_attention_norm.forward(hidden.clone());
        let grouped = normed.reshape([batch, rows / batch * new, d_model]);
        let attended = match cache.cross.clone() {
            Cross::Projected(seen) => self.cross_attention.forward(grouped, seen, cross_bias),
            Cross::Encoded(seen) => self.cross_attention.forward_few(grouped, seen, cross_bias),
        };
        let hidden = hidden + self.dropout.forward(attended.reshape([rows, new, d_model]));

        let forwarded = self.feed_forward.forward(self.feed_forward_norm.forward(hidden.clone()));
        hidden + self.dropout.forward(forwarded)
    }
}
