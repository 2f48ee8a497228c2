use std::ops::Range;

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, RmsNorm};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_core::TokenTree;

use crate::config::T5Config;
use crate::model::batch_shape::BatchShape;
use crate::model::block::{
    DecoderBlock, DecoderInputs, EncoderBlock, SavedDecoderBlock, SavedEncoderBlock,
};
use crate::model::cache::{DecoderCache, LayerCache};
use crate::model::cross_attention::CrossAttentionMode;
use crate::model::mask::{causal_bias, mask_value, padding_bias};
use crate::model::norm::{SavedNorm, init_norm, rms_norm};
use crate::model::position::{Direction, RelativePositionBias};
use crate::model::saving::Saving;

/// Saved activations of a stack.
pub(crate) struct SavedStack<B> {
    pub(crate) shape: BatchShape,
    pub(crate) blocks: Vec<B>,
    pub(crate) final_norm: SavedNorm,
}

/// The encoder: blocks that share one position bias, and a final norm.
#[derive(Module, Debug)]
pub(crate) struct Encoder {
    position_bias: RelativePositionBias,
    pub(crate) blocks: Vec<EncoderBlock>,
    pub(crate) final_norm: RmsNorm,
    dropout: Dropout,
}

impl Encoder {
    /// Returns an initialized encoder.
    pub(crate) fn init(config: &T5Config, device: &Device) -> Self {
        Self {
            position_bias: RelativePositionBias::init(config, Direction::Both, device),
            blocks: (0..config.num_layers).map(|_| EncoderBlock::init(config, device)).collect(),
            final_norm: init_norm(config, device),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
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
        // Shared by all blocks: the position bias and the mask.
        let [_, length] = mask.dims();
        let position_bias = self.position_bias.forward(0..length, length);
        let padding_bias = padding_bias(mask, position_bias.dtype());
        let bias = position_bias + padding_bias;

        let (embeddings, shape) = BatchShape::flatten(embeddings);
        let mut hidden = self.dropout.forward(embeddings);
        let mut blocks = Vec::new();
        for block in &self.blocks {
            let saved;
            (hidden, saved) = block.forward(hidden, shape, bias.clone(), saving);
            blocks.extend(saved);
        }
        let (hidden, final_norm) = rms_norm(&self.final_norm, hidden, saving);
        let saved = final_norm.map(|final_norm| SavedStack { shape, blocks, final_norm });
        (shape.unflatten(self.dropout.forward(hidden)), saved)
    }
}

/// The decoder: blocks that share one position bias, and a final norm.
#[derive(Module, Debug)]
pub(crate) struct Decoder {
    position_bias: RelativePositionBias,
    pub(crate) blocks: Vec<DecoderBlock>,
    pub(crate) final_norm: RmsNorm,
    dropout: Dropout,
}

impl Decoder {
    /// Returns an initialized decoder.
    pub(crate) fn init(config: &T5Config, device: &Device) -> Self {
        let num_layers = config.num_decoder_layers;
        Self {
            position_bias: RelativePositionBias::init(config, Direction::Back, device),
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
        let bias = self.bias(cache.length..keys);
        cache.length = keys;
        self.forward_blocks(embeddings, bias, cache, saving)
    }

    /// Returns the position bias with the causal mask, `[1, heads, positions, positions.end]`.
    fn bias(&self, positions: Range<usize>) -> Tensor<4> {
        let (new, keys) = (positions.len(), positions.end);
        let bias = self.position_bias.forward(positions, keys);
        if new < 2 {
            return bias;
        }
        let (dtype, device) = (bias.dtype(), bias.device().without_autodiff());
        bias + causal_bias(new, keys, dtype, &device)
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
        let bias = self.tree_bias(trees, nodes, cache.length);
        self.forward_blocks(embeddings, bias, &mut cache, Saving::Nothing).0
    }

    /// Returns the position bias of nodes of trees with `past` earlier positions and with nodes, and
    /// a mask of all nodes but ancestors, `[trees, heads, nodes, past + nodes]`.
    ///
    /// The position of a node is `past` plus its depth.
    fn tree_bias(&self, trees: &[&TokenTree], nodes: usize, past: usize) -> Tensor<4> {
        let positions = |tree: &TokenTree| -> Vec<usize> {
            // Padding has depth 0 and attends to itself.
            let depth = |node| if node < tree.len() { tree.ancestors(node).count() - 1 } else { 0 };
            (0..nodes).map(|node| past + depth(node)).collect()
        };
        let positions: Vec<Vec<usize>> = trees.iter().map(|tree| positions(tree)).collect();
        let length = positions.iter().flatten().max().map_or(past, |position| position + 1);
        let bias = self.bias(0..length);
        let [_, heads, _, _] = bias.dims();
        let (dtype, device) = (bias.dtype(), bias.device());
        let keys = past + nodes;
        let count = trees.len() * nodes * keys;
        let (mut indices, mut mask) = (vec![0_i32; count], vec![mask_value(dtype); count]);
        for (number, (tree, positions)) in trees.iter().zip(&positions).enumerate() {
            for node in 0..nodes {
                let line: Vec<usize> =
                    if node < tree.len() { tree.ancestors(node).collect() } else { vec![node] };
                let line = line.into_iter().map(|key| (past + key, positions[key]));
                for (key, position) in (0..past).map(|key| (key, key)).chain(line) {
                    let index = (number * nodes + node) * keys + key;
                    indices[index] = (positions[node] * length + position) as i32;
                    mask[index] = 0.0;
                }
            }
        }
        let indices = Tensor::<1, Int>::from_data(TensorData::new(indices, [count]), &device);
        let mask = TensorData::new(mask, [trees.len(), 1, nodes, keys]);
        bias.reshape([heads, length * length])
            .select(1, indices)
            .reshape([heads, trees.len(), nodes, keys])
            .swap_dims(0, 1)
            + Tensor::from_data(mask, (&device, dtype))
    }

    fn forward_blocks(
        &self,
        embeddings: Tensor<3>,
        bias: Tensor<4>,
        cache: &mut DecoderCache,
        saving: Saving,
    ) -> (Tensor<3>, Option<SavedStack<SavedDecoderBlock>>) {
        let (embeddings, shape) = BatchShape::flatten(embeddings);
        let inputs = DecoderInputs { shape, bias, cross_bias: cache.cross_bias.clone() };
        let mut hidden = self.dropout.forward(embeddings);
        let mut blocks = Vec::new();
        for (block, layer) in self.blocks.iter().zip(&mut cache.layers) {
            let saved;
            (hidden, saved) = block.forward(hidden, &inputs, layer, saving);
            blocks.extend(saved);
        }
        let (hidden, final_norm) = rms_norm(&self.final_norm, hidden, saving);
        let saved = final_norm.map(|final_norm| SavedStack { shape, blocks, final_norm });
        (shape.unflatten(self.dropout.forward(hidden)), saved)
    }
}
