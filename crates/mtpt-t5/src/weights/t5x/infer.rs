//! Inferring the configuration of a T5X checkpoint from the shapes of its arrays.

use std::collections::BTreeMap;

use mtpt_io::TensorSource;
use mtpt_io::layout::element_count;
use mtpt_io::t5x::Checkpoint;

use crate::config::{Activation, T5Config};
use crate::error::WeightsError;
use crate::family::{Family, LongAttention};
use crate::weights::names::{T5X_HEAD, T5X_TABLE, block_indices, t5x_block_prefix};

type Result<T> = std::result::Result<T, WeightsError>;

/// A position bias, in the scope of a stack or of a layer.
pub(super) const POSITION_BIAS: &str = "relpos_bias.rel_embedding";
/// The position bias between tokens and summaries in the encoder of a LongT5.
const SIDE_POSITION_BIAS: &str = "target.encoder.side_relpos_bias.rel_embedding";
/// The norm that layers of both stacks have.
const NORM: &str = "pre_mlp_layer_norm.scale";

/// Names of the stacks.
pub(super) const STACKS: [&str; 2] = ["encoder", "decoder"];

/// Layout of the layers of a stack that share arrays (`scan_layers` of T5X, `scan_axis` of both).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scan {
    /// Axis of the layers.
    pub(super) axis: usize,
    /// Number of layers.
    pub(super) layers: usize,
}

/// An inferred configuration.
pub(super) struct Inferred {
    pub(super) config: T5Config,
    /// The stacks whose layers share arrays.
    pub(super) scanned: BTreeMap<&'static str, Scan>,
}

/// Infers a configuration.
///
/// Values that no shape determines are T5's: maximum distance 128 of the position bias, gelu for a
/// gated feed-forward layer and relu otherwise, epsilon 1e-6, padding and start token 0, end token
/// 1. Those of transient-global attention are LongT5's: radius 127, blocks of 16 tokens.
pub(super) fn infer(checkpoint: &Checkpoint) -> Result<Inferred> {
    let shapes = Shapes(checkpoint);
    let [vocab_size, d_model] = shapes.matrix(T5X_TABLE)?;
    let mut scanned = BTreeMap::new();
    let mut layers = BTreeMap::new();
    for stack in STACKS {
        let found = shapes.layers(stack);
        let found = if found == 0 {
            let scan = shapes.scan(stack, d_model)?;
            scanned.insert(stack, scan);
            scan.layers
        } else {
            found
        };
        layers.insert(stack, found);
    }
    let scan = scanned.get("encoder").copied();
    let layer = |rest: &str| match scan {
        Some(_) => format!("target.encoder.encoder.{rest}"),
        None => format!("target.encoder.layers_0.{rest}"),
    };
    let bias = format!("target.encoder.{POSITION_BIAS}");
    let [num_heads, buckets] = match (checkpoint.shape(&bias), scan) {
        (None, Some(scan)) => shapes.matrix_of_layer(&layer(POSITION_BIAS), Some(scan))?,
        (None, None) if checkpoint.shape(&layer(POSITION_BIAS)).is_some() => {
            shapes.matrix(&layer(POSITION_BIAS))?
        }
        _ => shapes.matrix(&bias)?,
    };
    let query = layer("attention.query.kernel");
    let layers_of_array = scan.map_or(1, |scan| scan.layers);
    let inner_dim = element_count(shapes.any(&query)?)
        .zip(d_model.checked_mul(layers_of_array))
        .map_or(0, |(count, others)| count / others.max(1));
    if num_heads == 0 || inner_dim == 0 || !inner_dim.is_multiple_of(num_heads) {
        return Err(shapes.unsupported(
            format!("heads of one width, by `{bias}`"),
            format!("{num_heads} heads in {inner_dim} outputs of `{query}`"),
        ));
    }
    let [d_ff, _] = shapes.matrix_of_layer(&layer("mlp.wo.kernel"), scan)?;
    let gated = checkpoint.shape(&layer("mlp.wi_0.kernel")).is_some();
    let tied = checkpoint.shape(T5X_HEAD).is_none();
    let has_summaries = checkpoint.shape(SIDE_POSITION_BIAS).is_some();
    let long = LongAttention { local_radius: 127, global_block_size: Some(16) };
    let config = T5Config::new(
        vocab_size,
        d_model,
        inner_dim / num_heads,
        d_ff,
        layers["encoder"],
        layers["decoder"],
        num_heads,
    )
    .with_family(if has_summaries { Family::LongT5(long) } else { Family::T5 })
    .with_relative_attention_num_buckets(buckets)
    .with_activation(if gated { Activation::GeluTanh } else { Activation::Relu })
    .with_gated(gated)
    .with_tie_word_embeddings(tied)
    // T5X scales the input of a head that is the table (`logits_via_embedding`), and of no other.
    .with_scale_decoder_outputs(tied);
    Ok(Inferred { config, scanned })
}

/// Shapes of a checkpoint's arrays.
struct Shapes<'a>(&'a Checkpoint);

impl<'a> Shapes<'a> {
    fn unsupported(&self, expected: String, found: String) -> WeightsError {
        WeightsError::UnsupportedT5x { path: self.0.path().to_owned(), expected, found }
    }

    fn any(&self, name: &str) -> Result<&'a [usize]> {
        self.0.shape(name).ok_or_else(|| {
            self.unsupported(format!("an array `{name}`"), "no array of this name".into())
        })
    }

    fn matrix(&self, name: &str) -> Result<[usize; 2]> {
        self.matrix_of_layer(name, None)
    }

    /// Returns the two axes of a layer's array, without the axis of layers.
    fn matrix_of_layer(&self, name: &str, scan: Option<Scan>) -> Result<[usize; 2]> {
        let shape = self.any(name)?;
        let mut rest = shape.to_vec();
        if let Some(scan) = scan
            && scan.axis < rest.len()
        {
            rest.remove(scan.axis);
        }
        rest.try_into().map_err(|_| {
            let axes =
                if scan.is_some() { "three axes, one of them for layers," } else { "two axes" };
            self.unsupported(format!("{axes} of `{name}`"), format!("shape {shape:?}"))
        })
    }

    /// Returns one more than the highest index of a layer.
    fn layers(&self, stack: &str) -> usize {
        let indices = block_indices(self.0.names(), &t5x_block_prefix(stack));
        indices.last().map_or(0, |highest| highest.saturating_add(1))
    }

    /// Returns the layout of a stack whose layers share arrays.
    fn scan(&self, stack: &str, d_model: usize) -> Result<Scan> {
        let name = format!("target.{stack}.{stack}.{NORM}");
        match self.0.shape(&name) {
            // The second axis is the default of T5X and Flaxformer.
            Some([width, layers]) if *width == d_model => Ok(Scan { axis: 1, layers: *layers }),
            Some([layers, width]) if *width == d_model => Ok(Scan { axis: 0, layers: *layers }),
            Some(shape) => Err(self.unsupported(
                format!("layers of width {d_model} in `{name}`"),
                format!("shape {shape:?}"),
            )),
            None => Err(self.unsupported(
                format!("arrays `target.{stack}.layers_0.{NORM}` or `{name}`"),
                "no array of these names".into(),
            )),
        }
    }
}
