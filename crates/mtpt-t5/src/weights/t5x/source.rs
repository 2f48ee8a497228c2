use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::tensor::TensorData;
use mtpt_io::layout::{f32_values, select, transpose};
use mtpt_io::t5x::{CHECKPOINT_FILE, Checkpoint};
use mtpt_io::{TensorError, TensorSource};

use crate::config::T5Config;
use crate::error::{ConfigError, Result, WeightsError};
use crate::family::Family;
use crate::weights::file_names::CONFIG_FILE;
use crate::weights::names::{Names, block_indices, t5x_block_prefix};
use crate::weights::parameter_source::ParameterSource;
use crate::weights::t5x::config_file::with_config_file;
use crate::weights::t5x::infer::{Inferred, POSITION_BIAS, STACKS, Scan, infer};

/// Part of the names of prompt-tuning's prompts, which the model does not have.
const PROMPTS: &str = ".prompt.";

/// Maximum number of layers that share arrays. Their number is only known from the shapes of
/// arrays, which may be filled without being stored. The largest T5 has 24 layers per stack.
const MAX_SCANNED_LAYERS: usize = 1000;

/// A T5X checkpoint as the parameters of a T5.
pub(crate) struct T5xWeights {
    checkpoint: Checkpoint,
    config: T5Config,
    /// Layout of the stacks whose layers share arrays, by the stack's name.
    scanned: BTreeMap<&'static str, Scan>,
    /// Shared arrays, until their last layer is read.
    shared: BTreeMap<String, TensorData>,
    used: BTreeSet<String>,
}

impl T5xWeights {
    /// Opens a checkpoint and infers its configuration.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let checkpoint = Checkpoint::open(folder)?;
        let Inferred { config, scanned } = infer(&checkpoint)?;
        let (shared, used) = Default::default();
        let mut weights = Self { checkpoint, config, scanned, shared, used };
        if weights.has_different_position_biases()? {
            weights.config.family = Family::Umt5;
        }
        let path = folder.join(CONFIG_FILE);
        if path.is_file() {
            weights.config = with_config_file(weights.config, &path, folder)?;
        }
        let checked = weights.config.check();
        checked.map_err(|source| ConfigError::in_file(&folder.join(CHECKPOINT_FILE), source))?;
        Ok(weights)
    }

    /// Returns the configuration: inferred from the arrays' shapes, and completed by a
    /// `config.json` next to them.
    pub(crate) fn config(&self) -> &T5Config {
        &self.config
    }

    /// Reads the array of one layer from an array that all layers share.
    fn read_layer(
        &mut self,
        name: &str,
        layer: usize,
        scan: Scan,
    ) -> Result<TensorData, WeightsError> {
        let whole = match self.shared.remove(name) {
            Some(whole) => whole,
            None => self.checkpoint.read(name)?,
        };
        if whole.shape().get(scan.axis) != Some(&scan.layers) {
            return Err(self.unsupported(
                format!("{} layers along axis {} of `{name}`", scan.layers, scan.axis),
                format!("shape {:?}", &whole.shape()[..]),
            ));
        }
        let part = select(&whole, scan.axis, layer);
        if layer + 1 < scan.layers {
            self.shared.insert(name.to_owned(), whole);
        }
        Ok(part)
    }

    fn unsupported(&self, expected: String, found: String) -> WeightsError {
        WeightsError::UnsupportedT5x { path: self.checkpoint.path().to_owned(), expected, found }
    }

    /// Returns whether the layers of a stack have different position biases.
    fn has_different_position_biases(&mut self) -> Result<bool, WeightsError> {
        for stack in STACKS {
            if self.checkpoint.contains(&stack_position_bias(stack)) {
                continue;
            }
            if self.compare_position_biases(stack)?.1.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads the position bias of a stack's first layer, and finds the first layer with another
    /// one.
    fn compare_position_biases(
        &mut self,
        stack: &'static str,
    ) -> Result<(TensorData, Option<usize>), WeightsError> {
        let first = self.read_position_bias(stack, 0)?;
        let is_shared = self.checkpoint.contains(&stack_position_bias(stack));
        let layers = if is_shared { 1 } else { self.layers(stack) };
        for layer in 1..layers {
            if self.read_position_bias(stack, layer)? != first {
                return Ok((first, Some(layer)));
            }
        }
        Ok((first, None))
    }

    fn layers(&self, stack: &str) -> usize {
        if stack == "encoder" { self.config.num_layers } else { self.config.num_decoder_layers }
    }

    /// Reads the position bias of one layer, which may be that of the stack.
    fn read_position_bias(
        &mut self,
        stack: &'static str,
        layer: usize,
    ) -> Result<TensorData, WeightsError> {
        let (name, scan) = self.position_bias(stack, layer);
        self.used.insert(name.clone());
        match scan {
            Some(scan) => self.read_layer(&name, layer, scan),
            None => Ok(self.checkpoint.read(&name)?),
        }
    }

    /// Returns the name of the array with a layer's position bias, and its layout if it is shared.
    fn position_bias(&self, stack: &'static str, layer: usize) -> (String, Option<Scan>) {
        let of_stack = stack_position_bias(stack);
        match self.scanned.get(stack) {
            _ if self.checkpoint.contains(&of_stack) => (of_stack, None),
            Some(scan) => (format!("target.{stack}.{stack}.{POSITION_BIAS}"), Some(*scan)),
            None => (format!("target.{stack}.layers_{layer}.{POSITION_BIAS}"), None),
        }
    }

    /// Reads the position bias of a stack. If there is one for each layer, all must be equal.
    fn read_common_position_bias(
        &mut self,
        stack: &'static str,
    ) -> Result<TensorData, WeightsError> {
        match self.compare_position_biases(stack)? {
            (bias, None) => Ok(bias),
            (_, Some(layer)) => Err(self.unsupported(
                format!("one position bias for all layers of the {stack}"),
                format!("a different one in layer {layer} than in layer 0"),
            )),
        }
    }

    fn read(&self, name: &str, shape: &[usize]) -> Result<TensorData, WeightsError> {
        if !self.checkpoint.contains(name) {
            return Err(self.checkpoint.missing(name, Some(shape)).into());
        }
        Ok(self.checkpoint.read(name)?)
    }

    /// Returns the shape of an attention kernel with a separate axis for heads. The order of the
    /// values is the same.
    fn shape_by_heads(&self, name: &str, shape: &[usize]) -> Vec<usize> {
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

/// Returns the name of a position bias of all layers.
fn stack_position_bias(stack: &str) -> String {
    format!("target.{stack}.{POSITION_BIAS}")
}

impl ParameterSource for T5xWeights {
    fn path(&self) -> &Path {
        self.checkpoint.path()
    }

    fn block_count(&self, stack: &str) -> usize {
        match self.scanned.get(stack) {
            Some(scan) => scan.layers.min(MAX_SCANNED_LAYERS),
            None => block_indices(self.checkpoint.names(), &t5x_block_prefix(stack)).len(),
        }
    }

    fn origin(&self, path: &[String]) -> (&Path, String) {
        (self.checkpoint.path(), Names::of(path, &self.config).t5x)
    }

    fn parameter(&mut self, path: &[String], shape: &[usize]) -> Result<TensorData> {
        let Names { t5x: pattern, block, .. } = Names::of(path, &self.config);
        let stack = STACKS.into_iter().find(|stack| path[0] == *stack);
        let scan = stack.and_then(|stack| self.scanned.get(stack)).copied();
        let is_position_bias = pattern.ends_with(&format!(".{POSITION_BIAS}"));
        let (name, array) = match (block, stack, scan) {
            (block, Some(stack), _) if is_position_bias => {
                let array = match block {
                    Some(layer) => self.read_position_bias(stack, layer)?,
                    None => self.read_common_position_bias(stack)?,
                };
                (self.position_bias(stack, block.unwrap_or(0)).0, array)
            }
            (Some(layer), Some(stack), Some(scan)) => {
                let name = pattern.replace("layers_{}", stack);
                let array = self.read_layer(&name, layer, scan)?;
                (name, array)
            }
            (Some(layer), ..) => {
                let name = pattern.replace("{}", &layer.to_string());
                let array = self.read(&name, shape)?;
                (name, array)
            }
            (None, ..) => {
                let array = self.read(&pattern, shape)?;
                (pattern, array)
            }
        };
        let mut expected = shape.to_vec();
        // Including that of summaries.
        let is_transposed = name.ends_with(POSITION_BIAS);
        if is_transposed {
            expected.reverse();
        }
        let found = &array.shape()[..];
        if found != expected && found != self.shape_by_heads(&name, &expected) {
            let (path, found) = (self.checkpoint.path().to_owned(), found.to_vec());
            return Err(TensorError::Shape { path, tensor: name, expected, found }.into());
        }
        self.used.insert(name);
        Ok(if is_transposed {
            let values = transpose(f32_values(&array), [expected[0], expected[1]]);
            TensorData::new(values, shape.to_vec())
        } else {
            // An axis for heads doesn't change the order of the values.
            let (bytes, _, dtype) = array.into_parts();
            TensorData::from_bytes(bytes, shape.to_vec(), dtype)
        })
    }

    fn finish(self) -> Result<()> {
        let unused: Vec<String> = self
            .checkpoint
            .names()
            .filter(|name| !self.used.contains(*name) && !name.contains(PROMPTS))
            .map(str::to_owned)
            .collect();
        Ok(WeightsError::unless_all_used(self.checkpoint.path(), unused)?)
    }
}
