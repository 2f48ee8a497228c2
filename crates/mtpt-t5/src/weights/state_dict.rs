//! State dictionaries that are nested in another object, or whose names have a prefix.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::TensorData;
use mtpt_io::{TensorError, TensorSource};

use crate::error::{Result, WeightsError};

/// Ends of names by which a T5 is found, in this order.
const ANCHORS: [&str; 3] =
    ["encoder.final_layer_norm.weight", "decoder.final_layer_norm.weight", "shared.weight"];

/// Modules that `torch.compile`, FSDP, activation checkpointing and Lightning insert anywhere in a
/// name.
const WRAPPERS: [&str; 4] =
    ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"];

/// Starts of the names of entries that a training program stores next to the model.
const TRAINING_STATE: [&str; 9] =
    ["optim", "sched", "lr_", "rng", "random", "cuda_rng", "callbacks", "loops", "scaler"];

/// A checkpoint of a T5 with the names of transformers.
///
/// The names may have a prefix in the file: `module.`, `model.`, `state_dict.model.` and others.
pub(crate) struct StateDict {
    checkpoint: Box<dyn TensorSource>,
    /// Name in the file of each tensor of the model.
    stored: BTreeMap<String, String>,
}

impl StateDict {
    /// Finds the model in a checkpoint.
    ///
    /// # Errors
    ///
    /// When there is no T5 in it ([`WeightsError::NoT5`]), several models
    /// ([`WeightsError::SeveralModels`]), or other tensors than those of the model and of the state
    /// of a training run ([`WeightsError::UnusedTensors`]).
    pub(crate) fn new(checkpoint: Box<dyn TensorSource>) -> Result<Self> {
        let path = checkpoint.path().to_owned();
        let names: Vec<String> = checkpoint.names().map(str::to_owned).collect();
        if let Some(name) = names.iter().find(|name| name.contains(".lora_")) {
            return Err(WeightsError::Lora { path, tensor: name.clone() }.into());
        }
        let prefix = prefix(&path, &names)?;
        let mut stored: BTreeMap<String, String> = BTreeMap::new();
        let mut unused = Vec::new();
        for name in names {
            match unwrapped(&name).strip_prefix(&prefix) {
                Some(short) => {
                    if let Some(other) = stored.insert(short.to_owned(), name.clone()) {
                        let tensors = vec![other, name];
                        return Err(WeightsError::SameTensor { path, tensors }.into());
                    }
                }
                None if is_training_state(&name) => {}
                None => unused.push(name),
            }
        }
        WeightsError::unless_all_used(&path, unused)?;
        Ok(Self { checkpoint, stored })
    }

    /// Returns the name of a tensor in the file.
    fn stored(&self, name: &str) -> Option<&str> {
        self.stored.get(name).map(String::as_str)
    }
}

/// Returns the prefix of the model's names.
fn prefix(path: &Path, names: &[String]) -> Result<String> {
    for anchor in ANCHORS {
        let mut prefixes: Vec<String> = names
            .iter()
            .filter(|name| !is_training_state(name))
            .filter_map(|name| {
                let name = unwrapped(name);
                let prefix = name.strip_suffix(anchor)?;
                (prefix.is_empty() || prefix.ends_with('.')).then(|| prefix.to_owned())
            })
            .collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        match prefixes.len() {
            0 => {}
            1 => return Ok(prefixes.remove(0)),
            _ => {
                return Err(WeightsError::SeveralModels { path: path.to_owned(), prefixes }.into());
            }
        }
    }
    Err(WeightsError::NoT5 { path: path.to_owned(), found: names.to_vec() }.into())
}

/// Returns a name without the modules of wrappers.
fn unwrapped(name: &str) -> String {
    let parts = name.split('.').filter(|part| !WRAPPERS.contains(part));
    parts.collect::<Vec<_>>().join(".")
}

fn is_training_state(name: &str) -> bool {
    TRAINING_STATE.iter().any(|start| name.starts_with(start))
}

impl TensorSource for StateDict {
    fn path(&self) -> &Path {
        self.checkpoint.path()
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.stored.keys().map(String::as_str))
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.checkpoint.shape(self.stored(name)?)
    }

    fn dtype(&self, name: &str) -> Option<String> {
        self.checkpoint.dtype(self.stored(name)?)
    }

    fn read(&self, name: &str) -> Result<TensorData, TensorError> {
        match self.stored(name) {
            Some(stored) => self.checkpoint.read(stored),
            None => Err(self.missing(name, None)),
        }
    }

    fn file(&self, name: &str) -> &Path {
        self.stored(name).map_or(self.path(), |stored| self.checkpoint.file(stored))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Result<String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        prefix(Path::new("file"), &names)
    }

    #[test]
    fn prefixes_are_found() {
        for prefix in ["", "module.", "model.", "state_dict.model.", "base_model.model."] {
            let name = format!("{prefix}encoder.final_layer_norm.weight");
            assert_eq!(found(&[&name]).unwrap(), prefix);
        }
        let compiled = "model._orig_mod.encoder._fsdp_wrapped_module.final_layer_norm.weight";
        assert_eq!(found(&[compiled, "optimizer.0.exp_avg"]).unwrap(), "model.");
    }

    #[test]
    fn no_and_several_models_are_rejected() {
        let message = |names: &[&str]| found(names).unwrap_err().to_string();
        assert!(message(&["bert.pooler.weight"]).contains("`bert.pooler.weight`"));
        let two = ["ema.encoder.final_layer_norm.weight", "model.encoder.final_layer_norm.weight"];
        let message = message(&two);
        assert!(message.contains("`ema.`, `model.`"), "{message}");
    }
}
