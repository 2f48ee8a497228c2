//! A model to a folder in the form of transformers.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor};
use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::config::T5Config;
use crate::error::{Error, Result};
use crate::model::t5::T5;
use crate::tokenizer::{COMPANION_FILES, home};
use crate::weights::hf_config::HuggingFaceConfig;
use crate::weights::load::{CONFIG_FILE, transposed};
use crate::weights::names::{HEAD, Layout, SHARED, checkpoint_key};

const WEIGHTS_FILE: &str = "model.safetensors";

impl T5 {
    /// Saves the model as `config.json` and `model.safetensors` in a folder, which transformers can load too.
    ///
    /// A new folder appears whole or not at all; in a folder that exists each of the two files is replaced whole or
    /// not at all, and other files are left alone.
    /// Numbers are written in the precision of the weights.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] names the file or folder; [`Error::Device`] if the weights cannot be read back.
    pub fn save(&self, folder: &Path) -> Result<()> {
        self.save_beside(folder, &[])
    }

    /// Saves the model as [`save`](Self::save) does, together with the tokenizer of the folder that it came from, so that the
    /// new folder is whole: `tokenizer.json`, `spiece.model`, their configurations and `generation_config.json`, as far as they
    /// are there; those of another model that was saved in the folder before are removed.
    ///
    /// # Errors
    ///
    /// As of [`save`](Self::save), and [`Error::Io`] for a file that cannot be read.
    pub fn save_with_tokenizer(&self, folder: &Path, origin: &Path) -> Result<()> {
        let origin = &home(origin);
        let companions = COMPANION_FILES
            .into_iter()
            .map(|name| (name, origin.join(name)))
            .filter(|(_, path)| path.is_file())
            .map(|(name, path)| Ok((name, fs::read(&path).map_err(io("read", &path))?)))
            .collect::<Result<Vec<_>>>()?;
        self.save_beside(folder, &companions)?;
        // A tokenizer of another model, saved here before, would be read in the place of this one's.
        for name in COMPANION_FILES {
            let path = folder.join(name);
            if !companions.iter().any(|(known, _)| *known == name) && path.is_file() {
                fs::remove_file(&path).map_err(io("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Saves the model and other files.
    fn save_beside(&self, folder: &Path, companions: &[(&str, Vec<u8>)]) -> Result<()> {
        let mut collector = Collector {
            gated: self.config.gated,
            path: Vec::new(),
            tensors: Vec::new(),
            error: None,
        };
        self.visit(&mut collector);
        if let Some(error) = collector.error {
            return Err(error);
        }
        let mut tensors = collector.tensors;
        if self.config.tie_word_embeddings && !self.config.scale_decoder_outputs {
            // Older versions of transformers would draw a fresh head where one that is not scaled is missing.
            let copy = tensors.iter().find(|tensor| tensor.name == SHARED).map(|shared| Stored {
                name: HEAD.to_owned(),
                dtype: shared.dtype,
                shape: shared.shape.clone(),
                bytes: shared.bytes.clone(),
            });
            tensors.extend(copy);
        }
        let weights = serialize(&tensors);
        let config = config_json(&self.config, self.shared.weight.val().dtype());
        let mut files = vec![(WEIGHTS_FILE, weights.as_slice()), (CONFIG_FILE, config.as_slice())];
        files.extend(companions.iter().map(|(name, bytes)| (*name, bytes.as_slice())));

        if folder.is_dir() {
            files.iter().try_for_each(|(name, bytes)| replace(&folder.join(name), bytes))
        } else {
            let partial = partial_name(folder);
            let made = write_folder(&partial, &files).and_then(|()| rename(&partial, folder));
            if made.is_err() {
                // What is left is of no use; that it cannot be removed would hide the first error.
                let _ = fs::remove_dir_all(&partial);
            }
            made
        }
    }
}

/// A tensor as it goes into the file.
struct Stored {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Reads every parameter back from the device.
struct Collector {
    gated: bool,
    path: Vec<String>,
    tensors: Vec<Stored>,
    error: Option<Error>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.error.is_some() {
            return;
        }
        let (name, layout) = checkpoint_key(&self.path, self.gated);
        let tensor = param.val().without_autodiff();
        let dtype = tensor.dtype();
        let mut shape = tensor.shape().to_vec();
        let numbers = match tensor.try_into_vec_as::<f32>() {
            Ok(numbers) => numbers,
            Err(source) => {
                self.error = Some(Error::Device { source: Box::new(source) });
                return;
            }
        };
        let numbers = match layout {
            Layout::Same => numbers,
            Layout::Transposed => {
                shape.reverse();
                transposed(&numbers, shape[1], shape[0])
            }
        };
        let (dtype, bytes) = match dtype {
            DType::BF16 => (
                Dtype::BF16,
                numbers.iter().flat_map(|n| bf16::from_f32(*n).to_le_bytes()).collect(),
            ),
            DType::F16 => {
                (Dtype::F16, numbers.iter().flat_map(|n| f16::from_f32(*n).to_le_bytes()).collect())
            }
            _ => (Dtype::F32, numbers.iter().flat_map(|n| n.to_le_bytes()).collect()),
        };
        self.tensors.push(Stored { name, dtype, shape, bytes });
    }
}

fn config_json(config: &T5Config, dtype: DType) -> Vec<u8> {
    let mut config = serde_json::to_value(HuggingFaceConfig::from(config))
        .expect("invariant: a configuration has only fields that JSON can hold");
    config["dtype"] = match dtype {
        DType::BF16 => "bfloat16".into(),
        DType::F16 => "float16".into(),
        _ => "float32".into(),
    };
    let mut text = format!("{config:#}").into_bytes();
    text.push(b'\n');
    text
}

fn serialize(tensors: &[Stored]) -> Vec<u8> {
    let views = tensors.iter().map(|tensor| {
        let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes)
            .expect("invariant: the bytes were made from the shape");
        (tensor.name.as_str(), view)
    });
    // transformers refuses files that do not name the framework they are for.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(metadata))
        .expect("invariant: the header of a model is far below the limit of the format")
}

fn write_folder(folder: &Path, files: &[(&str, &[u8])]) -> Result<()> {
    fs::create_dir_all(folder).map_err(io("create", folder))?;
    files.iter().try_for_each(|(name, bytes)| write(&folder.join(name), bytes))
}

fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = partial_name(path);
    let replaced = write(&partial, bytes).and_then(|()| rename(&partial, path));
    if replaced.is_err() {
        // As above: the first error is the one to tell.
        let _ = fs::remove_file(&partial);
    }
    replaced
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    File::create(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            // On disk before the rename is: else a crash could leave a whole name with half a file.
            file.sync_all()
        })
        .map_err(io("write", path))
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(io("rename to", to))
}

/// A name beside the final one, of this process alone.
fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".partial-{}", std::process::id()));
    path.with_file_name(name)
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}
