//! Parameters from a transformers checkpoint.

use std::collections::BTreeSet;
use std::path::Path;

use burn::tensor::TensorData;
use mtpt_io::TensorSource;
use mtpt_io::layout::{f32_values, transpose};

use crate::config::T5Config;
use crate::error::{Result, WeightsError};
use crate::weights::names::{HEAD, IGNORED, Layout, Names, SHARED, SHARED_COPIES};
use crate::weights::source::ParameterSource;
use crate::weights::weight_files::open_weights;

/// A transformers checkpoint as the parameters of a T5.
pub(crate) struct TransformersWeights {
    checkpoint: Box<dyn TensorSource>,
    /// Name of the embedding table in the checkpoint.
    shared: &'static str,
    gated: bool,
    used: BTreeSet<String>,
}

impl TransformersWeights {
    /// Opens the checkpoint of a folder, and sets whether the head is the embedding table.
    pub(crate) fn open(folder: &Path, config: &mut T5Config) -> Result<Self> {
        let checkpoint = open_weights(folder)?;
        let shared = shared_name(&*checkpoint, config)?;
        config.tie_word_embeddings = is_tied(&*checkpoint, config, shared)?;
        Ok(Self { checkpoint, shared, gated: config.gated, used: BTreeSet::new() })
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

impl ParameterSource for TransformersWeights {
    fn parameter(&mut self, path: &[String], shape: &[usize]) -> Result<TensorData> {
        let Names { mut transformers, layout, .. } = Names::of(path, self.gated);
        if transformers == SHARED {
            transformers = self.shared.to_owned();
        }
        let mut stored_shape = shape.to_vec();
        if layout == Layout::Transposed {
            stored_shape.reverse();
        }
        let mut data = self.checkpoint.read_shaped(&transformers, &stored_shape)?;
        if layout == Layout::Transposed {
            let values = transpose(f32_values(&data), [stored_shape[0], stored_shape[1]]);
            data = TensorData::new(values, shape.to_vec());
        }
        self.used.insert(transformers);
        Ok(data)
    }

    fn finish(self) -> Result<()> {
        let unused: Vec<String> = self
            .checkpoint
            .names()
            .filter(|name| !self.used.contains(*name) && !is_known_extra(name))
            .map(str::to_owned)
            .collect();
        Ok(WeightsError::unless_all_used(self.checkpoint.path(), unused)?)
    }
}
