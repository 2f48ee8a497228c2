//! Saving a model as a transformers folder.

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
use crate::error::{Error, GenerationError, Result};
use crate::model::t5::T5;
use crate::weights::files::{COMPANION_FILES, CONFIG_FILE, WEIGHTS_FILE, tokenizer_dir};
use crate::weights::hf_config::HuggingFaceConfig;
use crate::weights::names::{HEAD, Layout, Names, SHARED};
use crate::weights::transpose::transposed;

impl T5 {
    /// Saves the model as `config.json` and `model.safetensors`, which transformers can load too.
    ///
    /// A new folder is created atomically. In an existing folder each of the two files is replaced
    /// atomically, and other files are not changed. Values are written in the precision of the
    /// weights.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] names the file or folder. [`GenerationError::Device`] if the weights cannot be
    /// read back.
    pub fn save(&self, folder: &Path) -> Result<()> {
        self.save_with_files(folder, &[])
    }

    /// Saves the model like [`save`](Self::save), together with the tokenizer files of the folder
    /// `origin`, which the model was loaded from.
    ///
    /// These are `tokenizer.json`, `spiece.model`, their configurations and
    /// `generation_config.json`, as far as they exist. Existing ones of another model are removed.
    ///
    /// # Errors
    ///
    /// See [`save`](Self::save); also [`Error::Io`] for a file that cannot be read.
    pub fn save_with_tokenizer(&self, folder: &Path, origin: &Path) -> Result<()> {
        let origin = &tokenizer_dir(origin);
        let companions = COMPANION_FILES
            .into_iter()
            .map(|name| (name, origin.join(name)))
            .filter(|(_, path)| path.is_file())
            .map(|(name, path)| Ok((name, fs::read(&path).map_err(Error::io("read", &path))?)))
            .collect::<Result<Vec<_>>>()?;
        self.save_with_files(folder, &companions)?;
        // The tokenizer of a model saved here earlier could take precedence over this one's.
        for name in COMPANION_FILES {
            let path = folder.join(name);
            if !companions.iter().any(|(known, _)| *known == name) && path.is_file() {
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Saves the model and the given files.
    fn save_with_files(&self, folder: &Path, companions: &[(&str, Vec<u8>)]) -> Result<()> {
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
            // Older versions of transformers initialize a missing head randomly if it is not scaled.
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
                // The first error is the one to report.
                let _ = fs::remove_dir_all(&partial);
            }
            made
        }
    }
}

/// A tensor in the layout of the file.
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
        let Names { transformers: name, layout, .. } = Names::of(&self.path, self.gated);
        let tensor = param.val().without_autodiff();
        let dtype = tensor.dtype();
        let mut shape = tensor.shape().to_vec();
        let values = match tensor.try_into_vec_as::<f32>() {
            Ok(values) => values,
            Err(source) => {
                self.error = Some(GenerationError::device(source).into());
                return;
            }
        };
        let values = match layout {
            Layout::Same => values,
            Layout::Transposed => {
                shape.reverse();
                transposed(&values, shape[1], shape[0])
            }
        };
        let (dtype, bytes) = match dtype {
            DType::BF16 => (
                Dtype::BF16,
                values.iter().flat_map(|n| bf16::from_f32(*n).to_le_bytes()).collect(),
            ),
            DType::F16 => {
                (Dtype::F16, values.iter().flat_map(|n| f16::from_f32(*n).to_le_bytes()).collect())
            }
            _ => (Dtype::F32, values.iter().flat_map(|n| n.to_le_bytes()).collect()),
        };
        self.tensors.push(Stored { name, dtype, shape, bytes });
    }
}

fn config_json(config: &T5Config, dtype: DType) -> Vec<u8> {
    let mut config = serde_json::to_value(HuggingFaceConfig::from(config))
        .expect("invariant: every field of a configuration has a JSON representation");
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
            .expect("invariant: there are as many bytes as the shape has");
        (tensor.name.as_str(), view)
    });
    // transformers requires the name of the framework.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(metadata))
        .expect("invariant: the header of a model is far below the limit of the format")
}

fn write_folder(folder: &Path, files: &[(&str, &[u8])]) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    files.iter().try_for_each(|(name, bytes)| write(&folder.join(name), bytes))
}

fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = partial_name(path);
    let replaced = write(&partial, bytes).and_then(|()| rename(&partial, path));
    if replaced.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&partial);
    }
    replaced
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    File::create(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            // Before the rename: otherwise a crash could leave the final name on a partial file.
            file.sync_all()
        })
        .map_err(Error::io("write", path))
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(Error::io("rename to", to))
}

/// Returns a temporary name next to the final one, unique to this process.
fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".partial-{}", std::process::id()));
    path.with_file_name(name)
}
