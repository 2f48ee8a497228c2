//! Parameters from a transformers checkpoint.

use std::collections::BTreeSet;
use std::path::Path;

use burn::tensor::TensorData;
use mtpt_io::TensorSource;
use mtpt_io::layout::{f32_values, transpose};

use crate::config::T5Config;
use crate::error::{Result, WeightsError};
use crate::weights::names::{
    HEAD, IGNORED, Layout, Names, SHARED, SHARED_COPIES, block_indices, block_prefix,
};
use crate::weights::parameter_source::{Parameter, ParameterSource};
use crate::weights::state_dict::StateDict;
use crate::weights::weight_files::open_weights;

/// A transformers checkpoint as the parameters of a T5.
pub(crate) struct TransformersWeights {
    checkpoint: StateDict,
    /// Name of the embedding table in the checkpoint.
    shared: &'static str,
    config: T5Config,
    used: BTreeSet<String>,
}

impl TransformersWeights {
    /// Opens the checkpoint of a folder, and sets whether the head is the embedding table.
    pub(crate) fn open(folder: &Path, config: &mut T5Config) -> Result<Self> {
        let checkpoint = StateDict::new(open_weights(folder)?)?;
        let shared = shared_name(&checkpoint, config)?;
        config.tie_word_embeddings = is_tied(&checkpoint, config, shared)?;
        Ok(Self { checkpoint, shared, config: config.clone(), used: BTreeSet::new() })
    }
}

/// Returns the name of the embedding table in a checkpoint.
///
/// Like in transformers, any of its names is accepted.
fn shared_name(checkpoint: &dyn TensorSource, config: &T5Config) -> Result<&'static str> {
    let names = [SHARED, SHARED_COPIES[0], SHARED_COPIES[1], HEAD];
    let stored = names.into_iter().find(|name| checkpoint.contains(name)).unwrap_or(SHARED);
    let shape = [config.vocab_size, config.d_model];
    for copy in SHARED_COPIES {
        if checkpoint.contains(copy)
            && copy != stored
            && !are_equal(checkpoint, [copy, stored], &shape)?
        {
            return Err(WeightsError::TablesDiffer {
                path: checkpoint.path().to_owned(),
                first: stored.to_owned(),
                second: copy.to_owned(),
            }
            .into());
        }
    }
    Ok(stored)
}

/// Returns whether the head is the embedding table.
///
/// Like in transformers 5 the tensors decide, not the configuration: a head that is absent, or
/// equal to the table, is the table.
fn is_tied(checkpoint: &dyn TensorSource, config: &T5Config, shared: &str) -> Result<bool> {
    if !checkpoint.contains(HEAD) || shared == HEAD {
        return Ok(true);
    }
    let shape = [config.vocab_size, config.d_model];
    are_equal(checkpoint, [HEAD, shared], &shape)
}

/// Returns whether two tensors have the same values.
fn are_equal(checkpoint: &dyn TensorSource, names: [&str; 2], shape: &[usize]) -> Result<bool> {
    let [first, second] = names.map(|name| checkpoint.read_shaped(name, shape));
    Ok(f32_values(&first?) == f32_values(&second?))
}

/// Returns whether a tensor is allowed without being a parameter.
fn is_known_extra(name: &str) -> bool {
    name == SHARED || name == HEAD || name == IGNORED || SHARED_COPIES.contains(&name)
}

impl TransformersWeights {
    /// Returns the name of the parameter at a path in the checkpoint, its layout there, and its
    /// shape there if it has the given shape in the model.
    fn stored(&self, path: &[String], shape: &[usize]) -> (String, Layout, Vec<usize>) {
        let Names { transformers, layout, .. } = Names::of(path, &self.config);
        let name = if transformers == SHARED { self.shared.to_owned() } else { transformers };
        let mut shape = shape.to_vec();
        if layout == Layout::Transposed {
            shape.reverse();
        }
        (name, layout, shape)
    }

    /// Returns the names of the tensors that are neither used nor known extras.
    fn unused(&self, used: &BTreeSet<String>) -> Vec<String> {
        let names = self.checkpoint.names();
        let unused = names.filter(|name| !used.contains(*name) && !is_known_extra(name));
        unused.map(str::to_owned).collect()
    }
}

impl ParameterSource for TransformersWeights {
    fn path(&self) -> &Path {
        self.checkpoint.path()
    }

    fn block_count(&self, stack: &str) -> usize {
        block_indices(self.checkpoint.names(), &block_prefix(stack)).len()
    }

    fn check(&self, parameters: &[Parameter]) -> Result<()> {
        let (mut used, mut missing, mut shapes) = (BTreeSet::new(), Vec::new(), Vec::new());
        for parameter in parameters {
            let (name, _, expected) = self.stored(&parameter.path, &parameter.shape);
            match self.checkpoint.shape(&name) {
                None => missing.push(name.clone()),
                Some(found) if found != expected => {
                    shapes.push((name.clone(), expected, found.to_vec()));
                }
                Some(_) => {}
            }
            used.insert(name);
        }
        // A single problem is reported with more details, when the tensor is read.
        if missing.len() + shapes.len() <= 1 {
            return Ok(());
        }
        let (path, unused) = (self.checkpoint.path().to_owned(), self.unused(&used));
        Err(WeightsError::Mismatch { path, missing, shapes, unused }.into())
    }

    fn origin(&self, path: &[String]) -> (&Path, String) {
        let (name, ..) = self.stored(path, &[]);
        (self.checkpoint.file(&name), name)
    }

    fn parameter(&mut self, path: &[String], shape: &[usize]) -> Result<TensorData> {
        let (transformers, layout, stored_shape) = self.stored(path, shape);
        let mut data = self.checkpoint.read_shaped(&transformers, &stored_shape)?;
        if layout == Layout::Transposed {
            let values = transpose(f32_values(&data), [stored_shape[0], stored_shape[1]]);
            data = TensorData::new(values, shape.to_vec());
        }
        self.used.insert(transformers);
        Ok(data)
    }

    fn finish(self) -> Result<()> {
        let unused = self.unused(&self.used);
        Ok(WeightsError::unless_all_used(self.checkpoint.path(), unused)?)
    }
}
