use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, RmsNorm};
use burn::tensor::{Device, Tensor};

use crate::config::T5Config;
use crate::family::Family;
use crate::model::attention::{Attention, SavedAttention};
use crate::model::batch_shape::BatchShape;
use crate::model::cache::LayerCache;
use crate::model::cross_attention::SavedCrossAttention;
use crate::model::feed_forward::{FeedForward, SavedActivation};
use crate::model::long_attention::{LongPattern, SavedLongAttention};
use crate::model::norm::init_norm;
use crate::model::position::{Direction, RelativePositionBias};
use crate::model::residual::{SavedResidual, residual};
use crate::model::saving::Saving;
use crate::model::score_bias::ScoreBias;

/// A block of the encoder: self-attention and feed-forward.
#[derive(Module, Debug)]
pub(crate) struct EncoderBlock {
    /// UMT5's.
    pub(crate) position_bias: Option<RelativePositionBias>,
    /// LongT5's, for transient-global attention.
    pub(crate) summary_norm: Option<RmsNorm>,
    pub(crate) self_attention_norm: RmsNorm,
    pub(crate) self_attention: Attention,
    pub(crate) feed_forward_norm: RmsNorm,
    pub(crate) feed_forward: FeedForward,
    dropout: Dropout,
}

/// The positions that the encoder's self-attention attends to.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each block, and its tensor takes megabytes"
)]
pub(crate) enum EncoderPattern<'a> {
    /// All, with a bias of `[batch, heads, length, length]`.
    Full(ScoreBias),
    /// LongT5's.
    Long(&'a LongPattern),
}

/// Saved activations of the encoder's self-attention.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each block, and its tensors take megabytes"
)]
pub(crate) enum SavedEncoderAttention {
    Full(SavedAttention),
    Long(SavedLongAttention),
}

/// Saved activations of an encoder block.
pub(crate) struct SavedEncoderBlock {
    pub(crate) self_attention: SavedResidual<SavedEncoderAttention>,
    pub(crate) feed_forward: SavedResidual<SavedActivation>,
}

impl EncoderBlock {
    /// Returns an initialized block.
    pub(crate) fn init(config: &T5Config, device: &Device) -> Self {
        let has_summaries =
            config.long_attention().is_some_and(|long| long.global_block_size.is_some());
        Self {
            position_bias: own_position_bias(config, Direction::Both, device),
            summary_norm: has_summaries.then(|| init_norm(config, device)),
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
    pub(crate) fn forward(
        &self,
        hidden: Tensor<2>,
        shape: BatchShape,
        pattern: EncoderPattern<'_>,
        saving: Saving,
    ) -> (Tensor<2>, Option<SavedEncoderBlock>) {
        let (layer, norm) = (&self.self_attention, &self.self_attention_norm);
        let (hidden, self_attention) =
            residual(hidden, norm, &self.dropout, saving, |normed| match pattern {
                EncoderPattern::Full(bias) => {
                    let keys_values = layer.keys_values(normed.clone(), shape);
                    let (output, saved) = layer.forward(normed, shape, keys_values, bias, saving);
                    (output, saved.map(SavedEncoderAttention::Full))
                }
                EncoderPattern::Long(pattern) => {
                    let norm = self.summary_norm.as_ref();
                    let (output, saved) = pattern.forward(layer, norm, normed, saving);
                    (output, saved.map(SavedEncoderAttention::Long))
                }
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

/// Returns the position bias of one block, if the model has one for each block.
fn own_position_bias(
    config: &T5Config,
    direction: Direction,
    device: &Device,
) -> Option<RelativePositionBias> {
    let is_own = config.family == Family::Umt5;
    is_own.then(|| RelativePositionBias::init(config, direction, device))
}

/// A block of the decoder: self-attention, cross-attention and feed-forward.
#[derive(Module, Debug)]
pub(crate) struct DecoderBlock {
    /// UMT5's.
    pub(crate) position_bias: Option<RelativePositionBias>,
    pub(crate) self_attention_norm: RmsNorm,
    pub(crate) self_attention: Attention,
    pub(crate) cross_attention_norm: RmsNorm,
    pub(crate) cross_attention: Attention,
    pub(crate) feed_forward_norm: RmsNorm,
    pub(crate) feed_forward: FeedForward,
    dropout: Dropout,
}

/// Inputs of a decoder block, the same in all blocks except for UMT5's bias.
pub(crate) struct DecoderInputs {
    /// Shape of the decoder tokens. The number of rows is a multiple of the encoder's.
    pub(crate) shape: BatchShape,
    /// Of `[rows, heads, new, cached + new]`.
    pub(crate) bias: ScoreBias,
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
            position_bias: own_position_bias(config, Direction::Back, device),
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
