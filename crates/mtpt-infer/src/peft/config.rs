use std::path::{Path, PathBuf};

use mtpt_io::fs;
use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::format_error::FormatError;

/// Configuration file of an adapter.
pub(crate) const CONFIG: &str = "adapter_config.json";

const PROMPT_TUNING: &str = "PROMPT_TUNING";
const MULTITASK_PROMPT_TUNING: &str = "MULTITASK_PROMPT_TUNING";
const SEQ_2_SEQ: &str = "SEQ_2_SEQ_LM";

/// Key of [`AdapterConfig::submodules`].
pub(crate) const SUBMODULES: &str = "num_transformer_submodules";

/// Configuration of a supported adapter (PEFT 0.21, `PromptTuningConfig` and
/// `MultitaskPromptTuningConfig`).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AdapterConfig {
    pub(crate) kind: AdapterKind,
    /// Number of prompt vectors per submodule.
    pub(crate) length: usize,
    /// Width of the prompt vectors; `None` if the file doesn't specify it.
    pub(crate) d_model: Option<usize>,
    /// Number of stacks with prompts: 1 for the encoder, 2 with the decoder; `None` if the file
    /// doesn't specify it. PEFT's default for sequence-to-sequence models is 2.
    pub(crate) submodules: Option<usize>,
    /// Base model as PEFT names it, or empty if unknown.
    pub(crate) model: String,
    /// Names of modules of the model that were trained, too.
    pub(crate) modules_to_save: Vec<String>,
}

/// Type of a supported adapter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AdapterKind {
    /// `PROMPT_TUNING`: one prompt.
    Plain,
    /// `MULTITASK_PROMPT_TUNING`: a shared prompt and low-rank factors per task.
    Multitask { tasks: usize, rank: usize },
}

impl AdapterConfig {
    /// Reads the configuration of an adapter. Unknown keys, such as those of other versions of
    /// PEFT, are ignored.
    ///
    /// # Errors
    ///
    /// - [`FormatError::AdapterType`] for an adapter of another type.
    /// - [`FormatError::Malformed`] when the file is malformed, a value is out of range, or the
    ///   adapter is for another type of model.
    /// - [`Error::Io`](crate::Error::Io) when the file cannot be read.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(CONFIG);
        Ok(Self::parse(&fs::read(&path)?, &path)?)
    }

    fn parse(text: &[u8], path: &Path) -> Result<Self, FormatError> {
        let fields = Fields::parse(text, path)?;
        let peft_type = fields.text("peft_type")?.ok_or_else(|| fields.missing("peft_type"))?;
        let is_multitask = match peft_type {
            PROMPT_TUNING => false,
            MULTITASK_PROMPT_TUNING => true,
            _ => {
                return Err(FormatError::AdapterType {
                    path: path.to_owned(),
                    found: peft_type.to_owned(),
                    other_tensors: Vec::new(),
                });
            }
        };
        if let Some(found) = fields.text("task_type")?.filter(|found| *found != SEQ_2_SEQ) {
            return Err(FormatError::malformed(
                path,
                format!(
                    "expected an adapter with `task_type` \"{SEQ_2_SEQ}\", found \"{found}\"; T5 \
                     is a sequence-to-sequence model, so use an adapter that was trained for one"
                ),
            ));
        }
        let length = fields
            .count("num_virtual_tokens")?
            .ok_or_else(|| fields.missing("num_virtual_tokens"))?;
        let submodules = fields.count(SUBMODULES)?;
        if let Some(found) = submodules.filter(|found| *found > 2) {
            let message = format!("expected `{SUBMODULES}` 1 or 2, found {found}");
            return Err(FormatError::malformed(path, message));
        }
        let kind = if is_multitask {
            let (tasks, rank) = (fields.count("num_tasks")?, fields.count("num_ranks")?);
            AdapterKind::Multitask { tasks: tasks.unwrap_or(1), rank: rank.unwrap_or(1) }
        } else {
            AdapterKind::Plain
        };
        Ok(Self {
            kind,
            length,
            d_model: fields.count("token_dim")?,
            submodules,
            model: fields.text("base_model_name_or_path")?.unwrap_or_default().to_owned(),
            modules_to_save: fields.texts("modules_to_save")?,
        })
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
            SUBMODULES: self.submodules,
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

/// The fields of a configuration file. Null is the same as a missing field.
struct Fields<'a> {
    path: &'a Path,
    fields: Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn parse(text: &[u8], path: &'a Path) -> Result<Self, FormatError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        match serde_json::from_slice(text) {
            Ok(Value::Object(fields)) => Ok(Self { path, fields }),
            Ok(_) => Err(FormatError::malformed(path, "expected a JSON object with `peft_type`")),
            Err(error) => {
                let place = format!("line {}, column {}", error.line(), error.column());
                let problem = if error.is_eof() { "the file ends early" } else { "no JSON" };
                let message = format!(
                    "expected the configuration of an adapter as JSON, found {problem} at {place}; \
                     save the adapter again"
                );
                Err(FormatError::malformed(path, message))
            }
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    fn missing(&self, key: &str) -> FormatError {
        let message = format!("expected the key `{key}`, which PEFT writes, found none");
        FormatError::malformed(self.path, message)
    }

    fn unexpected(&self, key: &str, expected: &str, found: &Value) -> FormatError {
        FormatError::malformed(self.path, format!("expected {expected} as `{key}`, found {found}"))
    }

    fn text(&self, key: &str) -> Result<Option<&str>, FormatError> {
        let Some(found) = self.get(key) else { return Ok(None) };
        found.as_str().map(Some).ok_or_else(|| self.unexpected(key, "a text", found))
    }

    fn texts(&self, key: &str) -> Result<Vec<String>, FormatError> {
        let Some(found) = self.get(key) else { return Ok(Vec::new()) };
        let texts = found.as_array().and_then(|list| {
            list.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        texts.ok_or_else(|| self.unexpected(key, "a list of texts", found))
    }

    /// Returns a positive integer.
    fn count(&self, key: &str) -> Result<Option<usize>, FormatError> {
        let Some(found) = self.get(key) else { return Ok(None) };
        let count = found.as_u64().filter(|count| *count > 0);
        let count = count.and_then(|count| usize::try_from(count).ok());
        count.map(Some).ok_or_else(|| self.unexpected(key, "a positive integer", found))
    }
}
