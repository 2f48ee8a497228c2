//! Saving a model as a transformers folder.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor, TensorData};
use mtpt_io::fs::{self, write_atomic, write_dir_atomic};
use mtpt_io::layout::transpose;
use mtpt_io::safetensors;
use serde_json::{Map, Value};

use crate::config::T5Config;
use crate::error::{Error, GenerationError, Result};
use crate::model::t5::T5;
use crate::weights::config_fields::{ALIASES, read_fields};
use crate::weights::file_names::{COMPANION_FILES, CONFIG_FILE, WEIGHTS_FILE, tokenizer_dir};
use crate::weights::hf_config::HuggingFaceConfig;
use crate::weights::names::{HEAD, Layout, Names, SHARED};

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
        self.save_with_files(folder, &[], Map::new())
    }

    /// Saves the model like [`save`](Self::save), together with the tokenizer files of the folder
    /// `origin`, which the model was loaded from.
    ///
    /// These are `tokenizer.json`, `spiece.model`, their configurations and
    /// `generation_config.json`, as far as they exist. Existing ones of another model are removed.
    /// Fields of the origin's `config.json` that don't describe the model are preserved, such as
    /// the class of the tokenizer.
    ///
    /// # Errors
    ///
    /// See [`save`](Self::save); also [`Error::Io`] for a file that cannot be read.
    pub fn save_with_tokenizer(&self, folder: &Path, origin: &Path) -> Result<()> {
        let config = origin.join(CONFIG_FILE);
        let fields = if config.is_file() { read_fields(&config)? } else { Map::new() };
        let origin = &tokenizer_dir(origin);
        let companions = COMPANION_FILES
            .into_iter()
            .map(|name| (name, origin.join(name)))
            .filter(|(_, path)| path.is_file())
            .map(|(name, path)| Ok((name, fs::read(&path)?)))
            .collect::<Result<Vec<_>>>()?;
        self.save_with_files(folder, &companions, fields)?;
        // The tokenizer of a model saved here earlier could take precedence over this one's.
        for name in COMPANION_FILES {
            if !companions.iter().any(|(known, _)| *known == name) {
                fs::remove_file(&folder.join(name))?;
            }
        }
        Ok(())
    }

    /// Saves the model and the given files, with further fields of `config.json`.
    fn save_with_files(
        &self,
        folder: &Path,
        companions: &[(&str, Vec<u8>)],
        fields: Map<String, Value>,
    ) -> Result<()> {
        let mut collector = Collector {
            config: self.config.clone(),
            path: Vec::new(),
            tensors: BTreeMap::new(),
            error: None,
        };
        self.visit(&mut collector);
        if let Some(error) = collector.error {
            return Err(error);
        }
        let mut tensors = collector.tensors;
        if self.config.tie_word_embeddings && !self.config.scale_decoder_outputs {
            // Older versions of transformers initialize a missing head randomly if it is not
            // scaled.
            let copy = tensors.get(SHARED).cloned();
            tensors.extend(copy.map(|shared| (HEAD.to_owned(), shared)));
        }
        // transformers requires the name of the framework.
        let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        let named = tensors.iter().map(|(name, data)| (name.as_str(), data));
        let weights = safetensors::to_bytes(named, &metadata, &folder.join(WEIGHTS_FILE))?;
        let config = config_json(&self.config, self.shared.weight.val().dtype(), fields);
        let mut files = vec![(WEIGHTS_FILE, weights.as_slice()), (CONFIG_FILE, config.as_slice())];
        files.extend(companions.iter().map(|(name, bytes)| (*name, bytes.as_slice())));

        if folder.is_dir() {
            files.iter().try_for_each(|(name, bytes)| write_atomic(&folder.join(name), bytes))?;
        } else {
            write_dir_atomic(folder, |new| {
                files.iter().try_for_each(|(name, bytes)| new.write(name, bytes))
            })?;
        }
        Ok(())
    }
}

/// Reads every parameter back from the device.
struct Collector {
    config: T5Config,
    path: Vec<String>,
    tensors: BTreeMap<String, TensorData>,
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
        let Names { transformers: name, layout, .. } = Names::of(&self.path, &self.config);
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
                transpose(&values, [shape[1], shape[0]])
            }
        };
        let data = TensorData::new(values, shape);
        let data = match dtype {
            DType::BF16 | DType::F16 => data.convert_dtype(dtype),
            _ => data,
        };
        self.tensors.insert(name, data);
    }
}

/// Returns the contents of `config.json`: the given fields, replaced by those of the model.
fn config_json(config: &T5Config, dtype: DType, mut fields: Map<String, Value>) -> Vec<u8> {
    for replaced in ALIASES.map(|(alias, _)| alias).into_iter().chain(["torch_dtype"]) {
        fields.remove(replaced);
    }
    fields.extend(HuggingFaceConfig::from(config).into_fields());
    let dtype = match dtype {
        DType::BF16 => "bfloat16",
        DType::F16 => "float16",
        _ => "float32",
    };
    fields.insert("dtype".to_owned(), dtype.into());
    let mut text = format!("{:#}", Value::Object(fields)).into_bytes();
    text.push(b'\n');
    text
}
