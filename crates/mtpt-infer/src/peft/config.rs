use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};

/// The file of an adapter that says what it is.
pub(crate) const CONFIG: &str = "adapter_config.json";

const PROMPT_TUNING: &str = "PROMPT_TUNING";
const MULTITASK_PROMPT_TUNING: &str = "MULTITASK_PROMPT_TUNING";
const SEQ_2_SEQ: &str = "SEQ_2_SEQ_LM";

/// What an adapter is, of what can be read and written here (PEFT 0.21, `PromptTuningConfig` and
/// `MultitaskPromptTuningConfig`).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AdapterConfig {
    pub(crate) kind: AdapterKind,
    /// Vectors of the prompt.
    pub(crate) length: usize,
    /// Their width.
    pub(crate) d_model: usize,
    /// The base model as PEFT names it; empty where it is not known.
    pub(crate) model: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AdapterKind {
    /// `PROMPT_TUNING`: one prompt.
    Plain,
    /// `MULTITASK_PROMPT_TUNING`: a shared prompt and factors of each task.
    Multitask { tasks: usize, rank: usize },
}

/// The type of an adapter alone: those of another type lack the rest.
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
    /// Reads what the configuration of an adapter says.
    ///
    /// # Errors
    ///
    /// [`Error::AdapterType`] for an adapter of another type; [`Error::Adapter`] when the file is malformed, a number is
    /// out of its range, or the adapter has prompts for the decoder.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(CONFIG);
        let text = fs::read(&path).map_err(|source| Error::File {
            action: "read",
            path: path.clone(),
            source,
        })?;
        Self::parse(&text, &path)
    }

    fn parse(text: &[u8], path: &Path) -> Result<Self> {
        let refused = |message: String| Error::Adapter { path: path.to_owned(), message };
        let TypeDocument { peft_type } =
            serde_json::from_slice(text).map_err(|error| refused(error.to_string()))?;
        let multitask = match peft_type.as_str() {
            PROMPT_TUNING => false,
            MULTITASK_PROMPT_TUNING => true,
            _ => {
                let (path, found) = (path.to_owned(), peft_type);
                return Err(Error::AdapterType { path, found, beside: Vec::new() });
            }
        };
        let document: Document =
            serde_json::from_slice(text).map_err(|error| refused(error.to_string()))?;
        // PEFT trains prompts for the decoder of such a model too by default, and then leaves them out of `generate`.
        let by_default = match document.task_type.as_deref() {
            Some(SEQ_2_SEQ) => 2,
            _ => 1,
        };
        match document.num_transformer_submodules.unwrap_or(by_default) {
            1 => {}
            2 => {
                return Err(refused(
                    "the adapter has prompts for the decoder too (`num_transformer_submodules` is not 1); only prompts \
                     of the encoder can be used"
                        .into(),
                ));
            }
            other => {
                let message = format!("expected `num_transformer_submodules` 1, found {other}");
                return Err(refused(message));
            }
        }
        let (length, d_model) = (document.num_virtual_tokens, document.token_dim);
        if length == 0 || d_model == 0 {
            return Err(refused(format!(
                "expected at least one vector and one number in it, found `num_virtual_tokens` {length} and `token_dim` \
                 {d_model}"
            )));
        }
        let kind = if multitask {
            let (tasks, rank) = (document.num_tasks.unwrap_or(1), document.num_ranks.unwrap_or(1));
            if tasks == 0 || rank == 0 {
                return Err(refused(format!(
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

    /// The file and its bytes: every field that PEFT 0.21 knows but its own version, which it fills in, and
    /// `modules_to_save`, of which there are none, and which versions before 0.14 refuse.
    ///
    /// What it says of the model itself, layers and heads, PEFT fills in from the model when it loads the adapter.
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
