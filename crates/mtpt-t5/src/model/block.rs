use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, RmsNorm};
use burn::tensor::{Device, Tensor};

use crate::config::T5Config;
use crate::model::attention::{Attention, SavedAttention};
use crate::model::batch_shape::BatchShape;
use crate::model::cache::LayerCache;
use crate::model::cross_attention::SavedCrossAttention;
use crate::model::feed_forward::{FeedForward, SavedActivation};
use crate::model::norm::init_norm;
use crate::model::residual::{SavedResidual, residual};
use crate::model::saving::Saving;

/// A block of the encoder: self-attention and feed-forward.
#[derive(Module, Debug)]
pub(crate) struct EncoderBlock {
    pub(crate) self_attention_norm: RmsNorm,
    pub(crate) self_attention: Attention,
    pub(crate) feed_forward_norm: RmsNorm,
    pub(crate) feed_forward: FeedForward,
    dropout: Dropout,
}

/// Saved activations of an encoder block.
pub(crate) struct SavedEncoderBlock {
    pub(crate) self_attention: SavedResidual<SavedAttention>,
    pub(crate) feed_forward: SavedResidual<SavedActivation>,
}

impl EncoderBlock {
    /// Returns an initialized block.
    pub(crate) fn init(config: &T5Config, device: &Device) -> Self {
        Self {
            self_attention_norm: init_norm(config, device),
            self_attention: Attention::init(config, device),
            feed_forward_norm: init_norm(config, device),
            feed_forward: FeedForward::init(config, device),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
        }
    }

    /// Applies the block.
    ///
    /// # Shapes
    ///
    /// - `hidden`, output: `[batch * length, d_model]`
    /// - `bias`: broadcasts to `[batch, heads, length, length]`
    pub(crate) fn forward(
        &self,
        hidden: Tensor<2>,
        shape: BatchShape,
        bias: Tensor<4>,
        saving: Saving,
    ) -> (Tensor<2>, Option<SavedEncoderBlock>) {
        let (layer, norm) = (&self.self_attention, &self.self_attention_norm);
        let (hidden, self_attention) = residual(hidden, norm, &self.dropout, saving, |normed| {
            let keys_values = layer.keys_values(normed.clone(), shape);
            layer.forward(normed, shape, keys_values, bias, saving)
        });
        let (layer, norm) = (&self.feed_forward, &self.feed_forward_norm);
        let (hidden, feed_forward) =
            residual(hidden, norm, &self.dropout, saving, |normed| layer.forward(normed, saving));
        let saved = self_attention.zip(feed_forward).map(|(self_attention, feed_forward)| {
            SavedEncoderBlock { self_attention, feed_forward }
        });
        (hidden, saved)
    }
}

/// A block of the decoder: self-attention, cross-attention and feed-forward.
#[derive(Module, Debug)]
pub(crate) struct DecoderBlock {
    pub(crate) self_attention_norm: RmsNorm,
    pub(crate) self_attention: Attention,
    pub(crate) cross_attention_norm: RmsNorm,
    pub(crate) cross_attention: Attention,
    pub(crate) feed_forward_norm: RmsNorm,
    pub(crate) feed_forward: FeedForward,
    dropout: Dropout,
}

/// Inputs that all decoder blocks share.
pub(crate) struct DecoderInputs {
    /// Shape of the decoder tokens. The number of rows is a multiple of the encoder's.
    pub(crate) shape: BatchShape,
    /// Broadcasts to `[rows, heads, new, cached + new]`.
    pub(crate) bias: Tensor<4>,
    /// `[batch, 1, 1, length]`
    pub(crate) cross_bias: Tensor<4>,
}

/// Saved activations of a decoder block.
pub(crate) struct SavedDecoderBlock {
    pub(crate) self_attention: SavedResidual<SavedAttention>,
    pub(crate) cross_attention: SavedResidual<SavedCrossAttention>,
    pub(crate) feed_forward: SavedResidual<SavedActivation>,
}

impl DecoderBlock {
    /// Returns an initialized block.
    pub(crate) fn init(config: &T5Config, device: &Device) -> Self {
        Self {
            self_attention_norm: init_norm(config, device),
            self_attention: Attention::init(config, device),
            cross_attention_norm: init_norm(config, device),
            cross_attention: Attention::init(config, device),
            feed_forward_norm: init_norm(config, device),
            feed_forward: FeedForward::init(config, device),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
        }
    }

    /// Applies the block to the tokens after those in the cache, and adds them to it.
    ///
    /// # Shapes
    ///
    /// - `hidden`, output: `[rows * new, d_model]`
    pub(crate) fn forward(
        &self,
        hidden: Tensor<2>,
        inputs: &DecoderInputs,
        cache: &mut LayerCache,
        saving: Saving,
    ) -> (Tensor<2>, Option<SavedDecoderBlock>) {
        let DecoderInputs { shape, bias, cross_bias } = inputs;
        let (layer, norm) = (&self.self_attention, &self.self_attention_norm);
        let (hidden, self_attention) = residual(hidden, norm, &self.dropout, saving, |normed| {
            let keys_values = cache.append(layer.keys_values(normed.clone(), *shape));
            layer.forward(normed, *shape, keys_values, bias.clone(), saving)
        });

        // Cross-attention does not depend on positions. The tokens of all decoder rows of one
        // encoder row can therefore form one row, so that its keys and values are not copied.
        let [batch, _, _, _] = cross_bias.dims();
        let grouped = BatchShape { batch, length: shape.batch / batch * shape.length };
        let (layer, norm) = (&self.cross_attention, &self.cross_attention_norm);
        let (hidden, cross_attention) = residual(hidden, norm, &self.dropout, saving, |normed| {
            layer.forward_cross(normed, grouped, cache.cross.clone(), cross_bias.clone(), saving)
        });

        let (layer, norm) = (&self.feed_forward, &self.feed_forward_norm);
        let (hidden, feed_forward) =
            residual(hidden, norm, &self.dropout, saving, |normed| layer.forward(normed, saving));
        let saved = self_attention.zip(cross_attention).zip(feed_forward);
        let saved = saved.map(|((self_attention, cross_attention), feed_forward)| {
            SavedDecoderBlock { self_attention, cross_attention, feed_forward }
        });
        (hidden, saved)
    }
}
