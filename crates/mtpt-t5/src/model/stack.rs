use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, RmsNorm};
use burn::tensor::{Bool, Device, Tensor};
use mtpt_core::TokenTree;

use crate::config::T5Config;
use crate::family::{Family, LongAttention};
use crate::model::batch_shape::{BatchShape, pad_rows};
use crate::model::block::{
    DecoderBlock, DecoderInputs, EncoderBlock, EncoderPattern, SavedDecoderBlock, SavedEncoderBlock,
};
use crate::model::cache::{DecoderCache, LayerCache};
use crate::model::cross_attention::CrossAttentionMode;
use crate::model::decoder_bias::TreePaths;
use crate::model::long_attention::{LongPattern, PositionBiases};
use crate::model::mask::padding_bias;
use crate::model::norm::{SavedNorm, init_norm, rms_norm};
use crate::model::position::{Direction, RelativePositionBias};
use crate::model::saving::Saving;
use crate::model::score_bias::{ScoreBias, StackBias};

/// Saved activations of a stack.
pub(crate) struct SavedStack<B> {
    pub(crate) shape: BatchShape,
    pub(crate) blocks: Vec<B>,
    pub(crate) final_norm: SavedNorm,
}

/// The encoder: blocks that share one position bias unless they have their own, and a final norm.
#[derive(Module, Debug)]
pub(crate) struct Encoder {
    position_bias: Option<RelativePositionBias>,
    /// Bias between tokens and summaries in a LongT5's transient-global attention.
    side_position_bias: Option<RelativePositionBias>,
    pub(crate) blocks: Vec<EncoderBlock>,
    pub(crate) final_norm: RmsNorm,
    dropout: Dropout,
    #[module(skip)]
    long: Option<LongAttention>,
}

impl Encoder {
    /// Returns an initialized encoder.
    pub(crate) fn init(config: &T5Config, device: &Device) -> Self {
        let long = config.long_attention();
        let has_summaries = long.is_some_and(|long| long.global_block_size.is_some());
        Self {
            position_bias: shared_position_bias(config, Direction::Both, device),
            side_position_bias: has_summaries
                .then(|| RelativePositionBias::init(config, Direction::Both, device)),
            blocks: (0..config.num_layers).map(|_| EncoderBlock::init(config, device)).collect(),
            final_norm: init_norm(config, device),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
            long,
        }
    }

    /// Computes the final hidden states.
    ///
    /// # Shapes
    ///
    /// - `embeddings`, output: `[batch, length, d_model]`; outputs at masked positions are
    ///   unspecified
    /// - `mask`: `[batch, length]`, `true` for tokens
    pub(crate) fn forward(
        &self,
        embeddings: Tensor<3>,
        mask: Tensor<2, Bool>,
        saving: Saving,
    ) -> (Tensor<3>, Option<SavedStack<SavedEncoderBlock>>) {
        let [_, length] = mask.dims();
        match (self.long, &self.position_bias) {
            (Some(long), Some(local)) => {
                let biases = PositionBiases { local, side: self.side_position_bias.as_ref() };
                let pattern = LongPattern::new(long, &biases, mask);
                let embeddings = pad_rows(embeddings, pattern.windows.rows().length);
                let pattern = |_: &EncoderBlock| EncoderPattern::Long(&pattern);
                let (hidden, saved) = self.forward_blocks(embeddings, pattern, saving);
                (hidden.narrow(1, 0, length), saved)
            }
            (_, shared) => {
                let padding_bias = padding_bias(mask, embeddings.dtype());
                let bias = StackBias::new(shared.as_ref(), |bias: &RelativePositionBias| {
                    ScoreBias::with_padding(bias, padding_bias.clone())
                });
                let pattern = |block: &EncoderBlock| {
                    EncoderPattern::Full(bias.of_block(block.position_bias.as_ref()))
                };
                self.forward_blocks(embeddings, pattern, saving)
            }
        }
    }

    /// Computes the final hidden states, given the pattern of each block's self-attention.
    fn forward_blocks<'a>(
        &self,
        embeddings: Tensor<3>,
        pattern: impl Fn(&EncoderBlock) -> EncoderPattern<'a>,
        saving: Saving,
    ) -> (Tensor<3>, Option<SavedStack<SavedEncoderBlock>>) {
        let (embeddings, shape) = BatchShape::flatten(embeddings);
        let mut hidden = self.dropout.forward(embeddings);
        let mut blocks = Vec::new();
        for block in &self.blocks {
            let saved;
            (hidden, saved) = block.forward(hidden, shape, pattern(block), saving);
            blocks.extend(saved);
        }
        let (hidden, final_norm) = rms_norm(&self.final_norm, hidden, saving);
        let saved = final_norm.map(|final_norm| SavedStack { shape, blocks, final_norm });
        (shape.unflatten(self.dropout.forward(hidden)), saved)
    }
}

/// Returns the position bias of a stack, unless each of its blocks has one.
fn shared_position_bias(
    config: &T5Config,
    direction: Direction,
    device: &Device,
) -> Option<RelativePositionBias> {
    let is_shared = config.family != Family::Umt5;
    is_shared.then(|| RelativePositionBias::init(config, direction, device))
}

/// The decoder: blocks that share one position bias unless they have their own, and a final norm.
#[derive(Module, Debug)]
pub(crate) struct Decoder {
    position_bias: Option<RelativePositionBias>,
    pub(crate) blocks: Vec<DecoderBlock>,
    pub(crate) final_norm: RmsNorm,
    dropout: Dropout,
}

impl Decoder {
    /// Returns an initialized decoder.
    pub(crate) fn init(config: &T5Config, device: &Device) -> Self {
        let num_layers = config.num_decoder_layers;
        Self {
            position_bias: shared_position_bias(config, Direction::Back, device),
            blocks: (0..num_layers).map(|_| DecoderBlock::init(config, device)).collect(),
            final_norm: init_norm(config, device),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
        }
    }

    /// Returns a cache of encoder states and no decoder tokens, for at most the given number of
    /// tokens of each row of the batch, if it is known.
    ///
    /// # Shapes
    ///
    /// - `encoded`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, the mask of the encoder's input
    pub(crate) fn cache(
        &self,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
        tokens: Option<usize>,
    ) -> DecoderCache {
        let layers = self.blocks.iter().map(|block| LayerCache {
            keys_values: None,
            cross: CrossAttentionMode::new(&block.cross_attention, encoded.clone(), tokens),
        });
        DecoderCache {
            layers: layers.collect(),
            cross_bias: padding_bias(mask, encoded.dtype()),
            length: 0,
        }
    }

    /// Computes the final hidden states of the tokens after those in the cache, and adds them to
    /// it.
    ///
    /// # Shapes
    ///
    /// - `embeddings`, output: `[rows, new, d_model]`, rows a multiple of the cache's batch
    pub(crate) fn forward(
        &self,
        embeddings: Tensor<3>,
        cache: &mut DecoderCache,
        saving: Saving,
    ) -> (Tensor<3>, Option<SavedStack<SavedDecoderBlock>>) {
        let [_, new, _] = embeddings.dims();
        let keys = cache.length + new;
        let positions = cache.length..keys;
        cache.length = keys;
        let bias = |bias: &RelativePositionBias| ScoreBias::causal(bias, positions.clone());
        self.forward_blocks(embeddings, bias, cache, saving)
    }

    /// Computes the final hidden states of the nodes of token trees. A node attends to itself, its
    /// ancestors, and all positions in the cache.
    ///
    /// # Shapes
    ///
    /// - `embeddings`, output: `[batch, nodes, d_model]`
    /// - `trees`: one for each row, or one for all
    pub(crate) fn forward_trees(
        &self,
        embeddings: Tensor<3>,
        trees: &[&TokenTree],
        mut cache: DecoderCache,
    ) -> Tensor<3> {
        let [_, nodes, _] = embeddings.dims();
        let (past, dtype) = (cache.length, embeddings.dtype());
        let paths = TreePaths::new(trees, [past, nodes], dtype, &embeddings.device());
        let bias = |bias: &RelativePositionBias| ScoreBias::Whole(paths.bias(bias));
        self.forward_blocks(embeddings, bias, &mut cache, Saving::Nothing).0
    }

    /// Computes the final hidden states, given a function that adds the mask of self-attention to a
    /// position bias.
    fn forward_blocks(
        &self,
        embeddings: Tensor<3>,
        bias: impl Fn(&RelativePositionBias) -> ScoreBias,
        cache: &mut DecoderCache,
        saving: Saving,
    ) -> (Tensor<3>, Option<SavedStack<SavedDecoderBlock>>) {
        let (embeddings, shape) = BatchShape::flatten(embeddings);
        let bias = StackBias::new(self.position_bias.as_ref(), bias);
        let mut hidden = self.dropout.forward(embeddings);
        let mut blocks = Vec::new();
        for (block, layer) in self.blocks.iter().zip(&mut cache.layers) {
            let bias = bias.of_block(block.position_bias.as_ref());
            let inputs = DecoderInputs { shape, bias, cross_bias: cache.cross_bias.clone() };
            let saved;
            (hidden, saved) = block.forward(hidden, &inputs, layer, saving);
            blocks.extend(saved);
        }
        let (hidden, final_norm) = rms_norm(&self.final_norm, hidden, saving);
        let saved = final_norm.map(|final_norm| SavedStack { shape, blocks, final_norm });
        (shape.unflatten(self.dropout.forward(hidden)), saved)
    }
}
