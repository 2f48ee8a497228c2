//! A model from a checkpoint of T5X, written by its own models or by those of Flaxformer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mtpt_io::t5x::{Array, CHECKPOINT_FILE, Checkpoint};
use serde_json::{Map, Value};

use crate::config::{Activation, T5Config};
use crate::error::{Error, Result};
use crate::weights::hf_config::HuggingFaceConfig;
use crate::weights::load::{CONFIG_FILE, Weights, transposed};

const TABLE: &str = "target.token_embedder.embedding";
const HEAD: &str = "target.decoder.logits_dense.kernel";
/// A position bias in the scope of a stack or of a layer.
const POSITION_BIAS: &str = "relpos_bias.rel_embedding";
/// The norm that layers of both stacks have.
const NORM: &str = "pre_mlp_layer_norm.scale";
/// Prompts of prompt-tuning are no part of the model.
const PROMPTS: &str = ".prompt.";

/// Path of a parameter in the modules, and its name in a checkpoint. `{}` stands for the number of a block.
///
/// Kernels lie as `[input, output]` in both.
#[rustfmt::skip]
const NAMES: &[(&str, &str)] = &[
    ("shared.weight",                                   TABLE),
    ("head.weight",                                     HEAD),

    ("encoder.position_bias.table.weight",              "target.encoder.relpos_bias.rel_embedding"),
    ("encoder.blocks.{}.self_attention_norm.gamma",     "target.encoder.layers_{}.pre_attention_layer_norm.scale"),
    ("encoder.blocks.{}.self_attention.query.weight",   "target.encoder.layers_{}.attention.query.kernel"),
    ("encoder.blocks.{}.self_attention.key.weight",     "target.encoder.layers_{}.attention.key.kernel"),
    ("encoder.blocks.{}.self_attention.value.weight",   "target.encoder.layers_{}.attention.value.kernel"),
    ("encoder.blocks.{}.self_attention.output.weight",  "target.encoder.layers_{}.attention.out.kernel"),
    ("encoder.blocks.{}.feed_forward_norm.gamma",       "target.encoder.layers_{}.pre_mlp_layer_norm.scale"),
    ("encoder.blocks.{}.feed_forward.gate.weight",      "target.encoder.layers_{}.mlp.wi_0.kernel"),
    ("encoder.blocks.{}.feed_forward.input.weight",     "target.encoder.layers_{}.mlp.wi_1.kernel"),
    ("encoder.blocks.{}.feed_forward.output.weight",    "target.encoder.layers_{}.mlp.wo.kernel"),
    ("encoder.final_norm.gamma",                        "target.encoder.encoder_norm.scale"),

    ("decoder.position_bias.table.weight",              "target.decoder.relpos_bias.rel_embedding"),
    ("decoder.blocks.{}.self_attention_norm.gamma",     "target.decoder.layers_{}.pre_self_attention_layer_norm.scale"),
    ("decoder.blocks.{}.self_attention.query.weight",   "target.decoder.layers_{}.self_attention.query.kernel"),
    ("decoder.blocks.{}.self_attention.key.weight",     "target.decoder.layers_{}.self_attention.key.kernel"),
    ("decoder.blocks.{}.self_attention.value.weight",   "target.decoder.layers_{}.self_attention.value.kernel"),
    ("decoder.blocks.{}.self_attention.output.weight",  "target.decoder.layers_{}.self_attention.out.kernel"),
    ("decoder.blocks.{}.cross_attention_norm.gamma",    "target.decoder.layers_{}.pre_cross_attention_layer_norm.scale"),
    ("decoder.blocks.{}.cross_attention.query.weight",  "target.decoder.layers_{}.encoder_decoder_attention.query.kernel"),
    ("decoder.blocks.{}.cross_attention.key.weight",    "target.decoder.layers_{}.encoder_decoder_attention.key.kernel"),
    ("decoder.blocks.{}.cross_attention.value.weight",  "target.decoder.layers_{}.encoder_decoder_attention.value.kernel"),
    ("decoder.blocks.{}.cross_attention.output.weight", "target.decoder.layers_{}.encoder_decoder_attention.out.kernel"),
    ("decoder.blocks.{}.feed_forward_norm.gamma",       "target.decoder.layers_{}.pre_mlp_layer_norm.scale"),
    ("decoder.blocks.{}.feed_forward.gate.weight",      "target.decoder.layers_{}.mlp.wi_0.kernel"),
    ("decoder.blocks.{}.feed_forward.input.weight",     "target.decoder.layers_{}.mlp.wi_1.kernel"),
    ("decoder.blocks.{}.feed_forward.output.weight",    "target.decoder.layers_{}.mlp.wo.kernel"),
    ("decoder.final_norm.gamma",                        "target.decoder.decoder_norm.scale"),
];

/// The one layer of a feed-forward without a gate has no number.
const UNGATED: (&str, &str) = (".wi_1.", ".wi.");

/// The names of the two stacks.
const STACKS: [&str; 2] = ["encoder", "decoder"];

/// A checkpoint of T5X as the weights of a T5.
pub(crate) struct T5xWeights {
    checkpoint: Checkpoint,
    config: T5Config,
    /// The layers of a stack that has all of them in one array, by the stack's name.
    scanned: BTreeMap<&'static str, Scan>,
    /// Such arrays, until the last layer is taken of them.
    stacked: BTreeMap<String, Array>,
    used: BTreeSet<String>,
}

/// How the layers of a stack lie in one array (`scan_layers` of T5X, `scan_axis` of both).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scan {
    axis: usize,
    layers: usize,
}

impl T5xWeights {
    /// Opens a checkpoint and infers what T5 it is.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let checkpoint = Checkpoint::open(folder)?;
        let (mut config, scanned) = infer(&checkpoint)?;
        let path = folder.join(CONFIG_FILE);
        if path.is_file() {
            config = with_config_file(config, &path, folder)?;
        }
        config.check().map_err(|source| Error::ConfigFile {
            path: folder.join(CHECKPOINT_FILE),
            source: Box::new(source),
        })?;
        let (stacked, used) = Default::default();
        Ok(Self { checkpoint, config, scanned, stacked, used })
    }

    /// What the shapes of the arrays and a `config.json` beside them say.
    pub(crate) fn config(&self) -> &T5Config {
        &self.config
    }

    /// The array of one layer out of one of all layers.
    fn layer(&mut self, name: &str, layer: usize, scan: Scan) -> Result<Array> {
        let whole = match self.stacked.remove(name) {
            Some(whole) => whole,
            None => self.checkpoint.read(name)?,
        };
        if whole.shape.get(scan.axis) != Some(&scan.layers) {
            return Err(self.refused(
                format!("{} layers along axis {} of `{name}`", scan.layers, scan.axis),
                format!("shape {:?}", whole.shape),
            ));
        }
        let part = slice(&whole, scan.axis, layer);
        if layer + 1 < scan.layers {
            self.stacked.insert(name.to_owned(), whole);
        }
        Ok(part)
    }

    fn refused(&self, expected: String, found: String) -> Error {
        Error::T5xForm { path: self.checkpoint.folder().to_owned(), expected, found }
    }

    /// Position biases of a stack that are kept layer by layer, which only a T5 that has the same in all can have here.
    fn one_of_all_layers(&mut self, stack: &'static str) -> Result<Array> {
        let layers = if stack == "encoder" {
            self.config.num_layers
        } else {
            self.config.num_decoder_layers
        };
        let scan = self.scanned.get(stack).copied();
        let mut first: Option<Array> = None;
        for layer in 0..layers {
            let array = match scan {
                Some(scan) => {
                    let name = format!("target.{stack}.{stack}.{POSITION_BIAS}");
                    self.used.insert(name.clone());
                    self.layer(&name, layer, scan)?
                }
                None => {
                    let name = format!("target.{stack}.layers_{layer}.{POSITION_BIAS}");
                    self.used.insert(name.clone());
                    self.checkpoint.read(&name)?
                }
            };
            match &first {
                Some(first) if *first != array => {
                    return Err(self.refused(
                        format!("one position bias for all layers of the {stack}"),
                        format!("another one in layer {layer} than in layer 0"),
                    ));
                }
                Some(_) => {}
                None => first = Some(array),
            }
        }
        Ok(first.expect("invariant: a stack that was inferred has layers"))
    }
}

impl Weights for T5xWeights {
    fn parameter(&mut self, path: &[String], shape: &[usize]) -> Result<Vec<f32>> {
        let (pattern, block) = name(path, self.config.gated);
        let stack = STACKS.into_iter().find(|stack| path[0] == *stack);
        let scan = stack.and_then(|stack| self.scanned.get(stack)).copied();
        let (name, array) = match (block, stack, scan) {
            (Some(layer), Some(stack), Some(scan)) => {
                let name = pattern.replace("layers_{}", stack);
                let array = self.layer(&name, layer, scan)?;
                (name, array)
            }
            (Some(layer), ..) => {
                let name = pattern.replace("{}", &layer.to_string());
                let array = self.read(&name, shape)?;
                (name, array)
            }
            (None, Some(stack), _)
                if pattern.ends_with(POSITION_BIAS)
                    && self.checkpoint.shape(&pattern).is_none() =>
            {
                let array = self.one_of_all_layers(stack)?;
                (pattern, array)
            }
            (None, ..) => {
                let array = self.read(&pattern, shape)?;
                (pattern, array)
            }
        };
        let mut expected = shape.to_vec();
        let is_turned = name.ends_with(POSITION_BIAS);
        if is_turned {
            expected.reverse();
        }
        if array.shape != expected && array.shape != self.by_heads(&name, &expected) {
            return Err(Error::TensorShape {
                path: self.checkpoint.folder().to_owned(),
                tensor: name,
                expected,
                found: array.shape,
            });
        }
        self.used.insert(name);
        Ok(if is_turned {
            transposed(&array.values, expected[0], expected[1])
        } else {
            array.values
        })
    }

    fn finish(self) -> Result<()> {
        let unused: Vec<String> = self
            .checkpoint
            .names()
            .filter(|name| !self.used.contains(*name) && !name.contains(PROMPTS))
            .map(str::to_owned)
            .collect();
        if unused.is_empty() {
            Ok(())
        } else {
            Err(Error::UnusedTensors { path: self.checkpoint.folder().to_owned(), tensors: unused })
        }
    }
}

impl T5xWeights {
    fn read(&self, name: &str, shape: &[usize]) -> Result<Array> {
        if self.checkpoint.shape(name).is_none() {
            return Err(Error::MissingTensor {
                path: self.checkpoint.folder().to_owned(),
                tensor: name.to_owned(),
                expected: shape.to_vec(),
            });
        }
        Ok(self.checkpoint.read(name)?)
    }

    /// The shape of a kernel of attention whose heads have an axis of their own: the numbers lie the same.
    fn by_heads(&self, name: &str, shape: &[usize]) -> Vec<usize> {
        let T5Config { num_heads, d_kv, .. } = self.config;
        if !name.contains("attention.") {
            shape.to_vec()
        } else if name.ends_with(".out.kernel") {
            vec![num_heads, d_kv, shape[1]]
        } else {
            vec![shape[0], num_heads, d_kv]
        }
    }
}

/// Name of the parameter at a path of the modules, `{}` for the number of a block, and that number.
///
/// # Panics
///
/// Panics for a path that no module of this crate has, which is a hole in the table.
fn name(path: &[String], gated: bool) -> (String, Option<usize>) {
    let block = path.iter().find_map(|part| part.parse::<usize>().ok());
    let pattern = path
        .iter()
        .map(|part| if part.parse::<usize>().is_ok() { "{}" } else { part.as_str() })
        .collect::<Vec<_>>()
        .join(".");
    let (_, name) = NAMES
        .iter()
        .find(|(known, _)| *known == pattern)
        .expect("invariant: every parameter of the modules is in the table");
    let name = if gated { (*name).to_owned() } else { name.replace(UNGATED.0, UNGATED.1) };
    (name, block)
}

/// One index along an axis.
fn slice(array: &Array, axis: usize, index: usize) -> Array {
    let size = array.shape[axis];
    let inner: usize = array.shape[axis + 1..].iter().product();
    let mut shape = array.shape.clone();
    shape.remove(axis);
    let values = array
        .values
        .chunks_exact((size * inner).max(1))
        .flat_map(|outer| &outer[index * inner..(index + 1) * inner])
        .copied()
        .collect();
    Array { shape, values }
}

/// What the shapes of a checkpoint's arrays say about the model, and T5's own values for what they do not: a position
/// bias up to distance 128, gelu where the feed-forward is gated and relu where it is not, an epsilon of 1e-6, padding
/// and start token 0, end token 1.
fn infer(checkpoint: &Checkpoint) -> Result<(T5Config, BTreeMap<&'static str, Scan>)> {
    let shapes = Shapes(checkpoint);
    let [vocab_size, d_model] = shapes.of(TABLE)?;
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
        (None, Some(scan)) => shapes.of_layer(&layer(POSITION_BIAS), Some(scan))?,
        (None, None) if checkpoint.shape(&layer(POSITION_BIAS)).is_some() => {
            shapes.of(&layer(POSITION_BIAS))?
        }
        _ => shapes.of(&bias)?,
    };
    let query = layer("attention.query.kernel");
    let inner_dim = shapes.any(&query)?.iter().product::<usize>()
        / (d_model * scan.map_or(1, |scan| scan.layers)).max(1);
    if num_heads == 0 || inner_dim == 0 || inner_dim % num_heads != 0 {
        return Err(shapes.refused(
            format!("heads of one width, by `{bias}`"),
            format!("{num_heads} heads in {inner_dim} outputs of `{query}`"),
        ));
    }
    let [d_ff, _] = shapes.of_layer(&layer("mlp.wo.kernel"), scan)?;
    let gated = checkpoint.shape(&layer("mlp.wi_0.kernel")).is_some();
    let tied = checkpoint.shape(HEAD).is_none();
    let config = T5Config::new(
        vocab_size,
        d_model,
        inner_dim / num_heads,
        d_ff,
        layers["encoder"],
        layers["decoder"],
        num_heads,
    )
    .with_relative_attention_num_buckets(buckets)
    .with_activation(if gated { Activation::GeluTanh } else { Activation::Relu })
    .with_gated(gated)
    .with_tie_word_embeddings(tied)
    // T5X scales what goes into a head that is the table (`logits_via_embedding`), and no other.
    .with_scale_decoder_outputs(tied);
    Ok((config, scanned))
}

/// Shapes of a checkpoint's arrays.
struct Shapes<'a>(&'a Checkpoint);

impl<'a> Shapes<'a> {
    fn refused(&self, expected: String, found: String) -> Error {
        Error::T5xForm { path: self.0.folder().to_owned(), expected, found }
    }

    fn any(&self, name: &str) -> Result<&'a [usize]> {
        self.0
            .shape(name)
            .ok_or_else(|| self.refused(format!("an array `{name}`"), "none of that name".into()))
    }

    fn of(&self, name: &str) -> Result<[usize; 2]> {
        self.of_layer(name, None)
    }

    /// Two axes, besides that of layers.
    fn of_layer(&self, name: &str, scan: Option<Scan>) -> Result<[usize; 2]> {
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
            self.refused(format!("{axes} of `{name}`"), format!("shape {shape:?}"))
        })
    }

    /// One more than the highest number of a layer.
    fn layers(&self, stack: &str) -> usize {
        let prefix = format!("target.{stack}.layers_");
        self.0
            .names()
            .filter_map(|name| name.strip_prefix(&prefix)?.split('.').next()?.parse::<usize>().ok())
            .max()
            .map_or(0, |highest| highest + 1)
    }

    /// How the layers of a stack lie in one array.
    fn scan(&self, stack: &str, d_model: usize) -> Result<Scan> {
        let name = format!("target.{stack}.{stack}.{NORM}");
        match self.0.shape(&name) {
            // The second axis is the one that T5X and Flaxformer take unless told otherwise.
            Some([width, layers]) if *width == d_model => Ok(Scan { axis: 1, layers: *layers }),
            Some([layers, width]) if *width == d_model => Ok(Scan { axis: 0, layers: *layers }),
            Some(shape) => Err(self.refused(
                format!("layers of width {d_model} in `{name}`"),
                format!("shape {shape:?}"),
            )),
            None => Err(self.refused(
                format!("arrays `target.{stack}.layers_0.{NORM}` or `{name}`"),
                "none of these names".into(),
            )),
        }
    }
}

/// A configuration with what a `config.json` beside the checkpoint says. What shapes tell must agree with it.
fn with_config_file(inferred: T5Config, path: &Path, folder: &Path) -> Result<T5Config> {
    let text = std::fs::read(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let json = |source| Error::Json { path: path.to_owned(), source };
    let file: Map<String, Value> = serde_json::from_slice(&text).map_err(json)?;
    let mut merged = serde_json::to_value(HuggingFaceConfig::from(&inferred)).map_err(json)?;
    // The fields of the file that others are derived from bring their own.
    for (given, derived) in [
        ("feed_forward_proj", "dense_act_fn"),
        ("feed_forward_proj", "is_gated_act"),
        ("tie_word_embeddings", "scale_decoder_outputs"),
    ] {
        if file.contains_key(given) {
            merged[derived] = Value::Null;
        }
    }
    for (key, value) in file {
        merged[key] = value;
    }
    let merged: HuggingFaceConfig = serde_json::from_value(merged).map_err(json)?;
    let mut config = T5Config::try_from(merged)
        .map_err(|source| Error::ConfigFile { path: path.to_owned(), source: Box::new(source) })?;
    // Here as for other checkpoints, it is the arrays that tell whether there is a head.
    config.tie_word_embeddings = inferred.tie_word_embeddings;
    for (field, said, found) in [
        ("vocab_size", config.vocab_size, inferred.vocab_size),
        ("d_model", config.d_model, inferred.d_model),
        ("d_kv", config.d_kv, inferred.d_kv),
        ("d_ff", config.d_ff, inferred.d_ff),
        ("num_layers", config.num_layers, inferred.num_layers),
        ("num_decoder_layers", config.num_decoder_layers, inferred.num_decoder_layers),
        ("num_heads", config.num_heads, inferred.num_heads),
        (
            "relative_attention_num_buckets",
            config.relative_attention_num_buckets,
            inferred.relative_attention_num_buckets,
        ),
    ] {
        agree(field, said, found, path, folder)?;
    }
    agree("is_gated_act", config.gated, inferred.gated, path, folder)?;
    Ok(config)
}

fn agree<T: PartialEq + ToString>(
    field: &'static str,
    said: T,
    found: T,
    path: &Path,
    folder: &Path,
) -> Result<()> {
    if said == found {
        return Ok(());
    }
    Err(Error::ConfigDisagrees {
        path: path.to_owned(),
        field,
        said: said.to_string(),
        checkpoint: folder.to_owned(),
        found: found.to_string(),
    })
}

/// Where the tokenizer of a checkpoint may be besides its own folder: the folder that holds all steps.
pub(crate) fn folder_of_steps(folder: &Path) -> Option<PathBuf> {
    if !Checkpoint::is_at(folder) {
        return None;
    }
    let whole = folder.canonicalize().ok()?;
    whole.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_leave_out_one_axis() {
        let array =
            Array { shape: vec![2, 3, 2], values: (0..12).map(|number| number as f32).collect() };
        let check = |axis, index, shape: [usize; 2], values: &[f32]| {
            let found = slice(&array, axis, index);
            assert_eq!((found.shape, found.values), (shape.to_vec(), values.to_vec()));
        };
        check(0, 1, [3, 2], &[6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        check(1, 2, [2, 2], &[4.0, 5.0, 10.0, 11.0]);
        check(2, 0, [2, 3], &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
    }
}
