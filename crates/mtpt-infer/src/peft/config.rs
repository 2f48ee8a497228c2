use std::path::{Path, PathBuf};

use mtpt_io::fs;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Result;
use crate::format_error::FormatError;

/// Configuration file of an adapter.
pub(crate) const CONFIG: &str = "adapter_config.json";

const PROMPT_TUNING: &str = "PROMPT_TUNING";
const MULTITASK_PROMPT_TUNING: &str = "MULTITASK_PROMPT_TUNING";
const SEQ_2_SEQ: &str = "SEQ_2_SEQ_LM";

/// Configuration of a supported adapter (PEFT 0.21, `PromptTuningConfig` and
/// `MultitaskPromptTuningConfig`).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AdapterConfig {
    pub(crate) kind: AdapterKind,
    /// Number of prompt vectors.
    pub(crate) length: usize,
    /// Width of the prompt vectors.
    pub(crate) d_model: usize,
    /// Base model as PEFT names it, or empty if unknown.
    pub(crate) model: String,
}

/// Type of a supported adapter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AdapterKind {
    /// `PROMPT_TUNING`: one prompt.
    Plain,
    /// `MULTITASK_PROMPT_TUNING`: a shared prompt and low-rank factors per task.
    Multitask { tasks: usize, rank: usize },
}

/// The type of an adapter alone, since other types lack the fields of [`Document`].
#[derive(Deserialize)]
struct TypeDocument {
    peft_type: String,
}

#[derive(Deserialize)]
struct Document {
    num_virtual_tokens: usize,
    token_dim: usize,
    base_model_name_or_path: Option<String>,
    task_type: Option<String>,
    num_transformer_submodules: Option<usize>,
    num_ranks: Option<usize>,
    num_tasks: Option<usize>,
}

impl AdapterConfig {
    /// Reads the configuration of an adapter.
    ///
    /// # Errors
    ///
    /// - [`FormatError::AdapterType`] for an adapter of another type.
    /// - [`FormatError::Malformed`] when the file is malformed, a value is out of range, or the
    ///   adapter has prompts for the decoder.
    /// - [`Error::Io`](crate::Error::Io) when the file cannot be read.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(CONFIG);
        Ok(Self::parse(&fs::read(&path)?, &path)?)
    }

    fn parse(text: &[u8], path: &Path) -> Result<Self, FormatError> {
        let malformed = |message: String| FormatError::malformed(path, message);
        let TypeDocument { peft_type } =
            serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        let is_multitask = match peft_type.as_str() {
            PROMPT_TUNING => false,
            MULTITASK_PROMPT_TUNING => true,
            _ => {
                return Err(FormatError::AdapterType {
                    path: path.to_owned(),
                    found: peft_type,
                    other_tensors: Vec::new(),
                });
            }
        };
        let document: Document =
            serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        document.check_encoder_only().map_err(malformed)?;
        let (length, d_model) = (document.num_virtual_tokens, document.token_dim);
        if length == 0 || d_model == 0 {
            return Err(malformed(format!(
                "expected a prompt with at least one value, found `num_virtual_tokens` {length} \
                 and `token_dim` {d_model}"
            )));
        }
        let kind = if is_multitask {
            let (tasks, rank) = (document.num_tasks.unwrap_or(1), document.num_ranks.unwrap_or(1));
            if tasks == 0 || rank == 0 {
                return Err(malformed(format!(
                    "expected at least one task and rank, found {tasks} tasks of rank {rank}"
                )));
            }
            AdapterKind::Multitask { tasks, rank }
        } else {
            AdapterKind::Plain
        };
        let model = document.base_model_name_or_path.unwrap_or_default();
        Ok(Self { kind, length, d_model, model })
    }

    /// Returns the path and content of the configuration file.
    ///
    /// It has every field of PEFT 0.21 except its version, which PEFT adds, and `modules_to_save`,
    /// which is unused here and which PEFT before 0.14 rejects. PEFT fills in the numbers of layers
    /// and heads from the model when it loads the adapter.
    pub(crate) fn file(&self, folder: &Path) -> (PathBuf, Vec<u8>) {
        let model = Some(&self.model).filter(|model| !model.is_empty());
        let mut document = json!({
            "auto_mapping": null,
            "base_model_name_or_path": model,
            "inference_mode": true,
            "num_attention_heads": null,
            "num_layers": null,
            "num_transformer_submodules": 1,
            "num_virtual_tokens": self.length,
            "peft_type": PROMPT_TUNING,
            "prompt_tuning_init": "RANDOM",
            "prompt_tuning_init_text": null,
            "revision": null,
            "task_type": SEQ_2_SEQ,
            "token_dim": self.d_model,
            "tokenizer_kwargs": null,
            "tokenizer_name_or_path": null,
        });
        if let AdapterKind::Multitask { tasks, rank } = self.kind {
            document["peft_type"] = json!(MULTITASK_PROMPT_TUNING);
            document["num_ranks"] = json!(rank);
            document["num_tasks"] = json!(tasks);
            document["prompt_tuning_init_state_dict_path"] = Value::Null;
            document["prompt_tuning_init_task"] = json!(0);
        }
        (folder.join(CONFIG), format!("{document:#}\n").into_bytes())
    }
}

impl Document {
    /// Checks that the adapter has prompts for the encoder only.
    fn check_encoder_only(&self) -> Result<(), String> {
        // By default, PEFT also trains decoder prompts for these models, but ignores them in
        // `generate`.
        let default = match self.task_type.as_deref() {
            Some(SEQ_2_SEQ) => 2,
            _ => 1,
        };
        match self.num_transformer_submodules.unwrap_or(default) {
            1 => Ok(()),
            2 => {
                Err("the adapter has prompts for the decoder too (`num_transformer_submodules` is \
                      not 1); only prompts of the encoder are supported"
                    .into())
            }
            other => Err(format!("expected `num_transformer_submodules` 1, found {other}")),
        }
    }
}
