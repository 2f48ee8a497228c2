use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, RmsNorm};
use burn::tensor::{Bool, Device, Tensor};

use crate::block::{DecoderBlock, EncoderBlock, norm};
use crate::cache::{DecoderCache, LayerCache};
use crate::config::T5Config;
use crate::mask::{causal_bias, padding_bias};
use crate::position::{Direction, RelativePositionBias};

/// The encoder: blocks that share one position bias, and a last norm.
#[derive(Module, Debug)]
pub struct Encoder {
    pub(crate) position_bias: RelativePositionBias,
    pub(crate) blocks: Vec<EncoderBlock>,
    pub(crate) final_norm: RmsNorm,
    dropout: Dropout,
}

impl Encoder {
    /// An encoder with fresh weights.
    pub fn init(config: &T5Config, device: &Device) -> Self {
        Self {
            position_bias: RelativePositionBias::init(config, Direction::Both, device),
            blocks: (0..config.num_layers).map(|_| EncoderBlock::init(config, device)).collect(),
            final_norm: norm(config, device),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
        }
    }

    /// Final hidden states of embeddings.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, `true` where there is a token
    /// - output: `[batch, length, d_model]`; rows at masked positions are unspecified
    pub fn forward(&self, embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3> {
        let [_, length, _] = embeddings.dims();
        let position_bias = self.position_bias.forward(0..length, length);
        let padding = padding_bias(mask, position_bias.dtype());
        // Positions and padding are joined once here, and not in every block.
        let bias = position_bias + padding;
        let mut hidden = self.dropout.forward(embeddings);
        for block in &self.blocks {
            hidden = block.forward(hidden, bias.clone());
        }
        self.dropout.forward(self.final_norm.forward(hidden))
    }
}

/// The decoder: blocks that share one position bias, and a last norm.
#[derive(Module, Debug)]
pub struct Decoder {
    pub(crate) position_bias: RelativePositionBias,
    pub(crate) blocks: Vec<DecoderBlock>,
    pub(crate) final_norm: RmsNorm,
    dropout: Dropout,
}

impl Decoder {
    /// A decoder with fresh weights.
    pub fn init(config: &T5Config, device: &Device) -> Self {
        let num_layers = config.num_decoder_layers;
        Self {
            position_bias: RelativePositionBias::init(config, Direction::Back, device),
            blocks: (0..num_layers).map(|_| DecoderBlock::init(config, device)).collect(),
            final_norm: norm(config, device),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
        }
    }

    /// A cache that has read the encoder's output and no token.
    ///
    /// # Shapes
    ///
    /// - `encoded`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, the mask that `encoded` was made with
    pub fn cache(&self, encoded: Tensor<3>, mask: Tensor<2, Bool>) -> DecoderCache {
        self.cache_for(encoded, mask, None)
    }

    /// The same, where it is known how many tokens will be read for each row of the batch.
    pub(crate) fn cache_for(
        &self,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
        tokens: Option<usize>,
    ) -> DecoderCache {
        DecoderCache {
            layers: self
                .blocks
                .iter()
                .map(|block| LayerCache { read: None, cross: block.cross(encoded.clone(), tokens) })
                .collect(),
            cross_bias: padding_bias(mask, encoded.dtype()),
            length: 0,
        }
    }

    /// Reads tokens after those in the cache, and adds them to it.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[rows, new, d_model]`, rows a multiple of the batch that the cache was made with
    /// - output: `[rows, new, d_model]`
    pub fn forward(&self, embeddings: Tensor<3>, cache: &mut DecoderCache) -> Tensor<3> {
        let [_, new, _] = embeddings.dims();
        let keys = cache.length + new;
        let mut bias = self.position_bias.forward(cache.length..keys, keys);
        if new > 1 {
            let (dtype, device) = (bias.dtype(), bias.device().without_autodiff());
            bias = bias + causal_bias(new, keys, dtype, &device);
        }
        let mut hidden = self.dropout.forward(embeddings);
        for (block, layer) in self.blocks.iter().zip(&mut cache.layers) {
            hidden = block.forward(hidden, bias.clone(), cache.cross_bias.clone(), layer);
        }
        cache.length = keys;
        self.dropout.forward(self.final_norm.forward(hidden))
    }
}
