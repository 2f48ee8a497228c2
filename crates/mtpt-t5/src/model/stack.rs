use std::ops::Range;

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, RmsNorm};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_core::TokenTree;

use crate::config::T5Config;
use crate::model::block::{DecoderBlock, EncoderBlock, norm};
use crate::model::cache::{DecoderCache, LayerCache};
use crate::model::mask::{causal_bias, hidden, padding_bias};
use crate::model::position::{Direction, RelativePositionBias};

/// The encoder: blocks that share one position bias, and a last norm.
#[derive(Module, Debug)]
pub struct Encoder {
    position_bias: RelativePositionBias,
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
        let bias = self.bias(mask);
        let mut hidden = self.dropout.forward(embeddings);
        for block in &self.blocks {
            hidden = block.forward(hidden, bias.clone());
        }
        self.dropout.forward(self.final_norm.forward(hidden))
    }

    /// What positions are added to the scores of one another, and what hides padding: joined once, and not in every block.
    ///
    /// # Shapes
    ///
    /// - `mask`: `[batch, length]`
    /// - output: `[batch, heads, length, length]`
    pub(crate) fn bias(&self, mask: Tensor<2, Bool>) -> Tensor<4> {
        let [_, length] = mask.dims();
        let positions = self.position_bias.forward(0..length, length);
        let padding = padding_bias(mask, positions.dtype());
        positions + padding
    }
}

/// The decoder: blocks that share one position bias, and a last norm.
#[derive(Module, Debug)]
pub struct Decoder {
    position_bias: RelativePositionBias,
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

    /// The same, where it is known how many tokens will be read at most for each row of the batch.
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
        let bias = self.bias(cache.length..keys);
        cache.length = keys;
        self.read(embeddings, bias, cache)
    }

    /// What positions are added to the scores of themselves and of those before them, and what hides those after:
    /// `[1, heads, positions, positions.end]`.
    pub(crate) fn bias(&self, positions: Range<usize>) -> Tensor<4> {
        let (new, keys) = (positions.len(), positions.end);
        let bias = self.position_bias.forward(positions, keys);
        if new < 2 {
            return bias;
        }
        let (dtype, device) = (bias.dtype(), bias.device().without_autodiff());
        bias + causal_bias(new, keys, dtype, &device)
    }

    /// Final hidden states at every node of trees of tokens, which sees itself and those that it comes after.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[batch, nodes, d_model]`
    /// - `trees`: one for each row, or one for all
    /// - output: `[batch, nodes, d_model]`
    pub(crate) fn forward_trees(
        &self,
        embeddings: Tensor<3>,
        trees: &[&TokenTree],
        mut cache: DecoderCache,
    ) -> Tensor<3> {
        let [_, nodes, _] = embeddings.dims();
        let depths = |tree: &TokenTree| -> Vec<usize> {
            // What fills up shorter rows stands at the start and sees itself.
            (0..nodes)
                .map(|node| if node < tree.len() { tree.line(node).count() - 1 } else { 0 })
                .collect()
        };
        let depths: Vec<Vec<usize>> = trees.iter().map(|tree| depths(tree)).collect();
        let longest = depths.iter().flatten().max().map_or(0, |depth| depth + 1);
        // The scores of two nodes are those of their depths; a node that is not on the way is as hidden as a later one.
        let bias = self.bias(0..longest);
        let [_, heads, _, _] = bias.dims();
        let (dtype, device) = (bias.dtype(), bias.device());
        let count = trees.len() * nodes * nodes;
        let (mut places, mut seen) = (vec![0_i32; count], vec![hidden(dtype); count]);
        for (number, (tree, depths)) in trees.iter().zip(&depths).enumerate() {
            for node in 0..nodes {
                let line: Vec<usize> =
                    if node < tree.len() { tree.line(node).collect() } else { vec![node] };
                for key in line {
                    let place = (number * nodes + node) * nodes + key;
                    places[place] = (depths[node] * longest + depths[key]) as i32;
                    seen[place] = 0.0;
                }
            }
        }
        let places = Tensor::<1, Int>::from_data(TensorData::new(places, [count]), &device);
        let seen = TensorData::new(seen, [trees.len(), 1, nodes, nodes]);
        let bias = bias
            .reshape([heads, longest * longest])
            .select(1, places)
            .reshape([heads, trees.len(), nodes, nodes])
            .swap_dims(0, 1)
            + Tensor::from_data(seen, (&device, dtype));
        self.read(embeddings, bias, &mut cache)
    }

    fn read(&self, embeddings: Tensor<3>, bias: Tensor<4>, cache: &mut DecoderCache) -> Tensor<3> {
        let mut hidden = self.dropout.forward(embeddings);
        for (block, layer) in self.blocks.iter().zip(&mut cache.layers) {
            hidden = block.forward(hidden, bias.clone(), cache.cross_bias.clone(), layer);
        }
        self.dropout.forward(self.final_norm.forward(hidden))
    }
}
