//! `generation_config.json` of transformers.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::T5Config;
use crate::error::{ConfigError, Result};
use crate::generate::settings::GenerationSettings;
use crate::weights::config_fields::read_fields;
use crate::weights::file_names::{CONFIG_FILE, GENERATION_CONFIG_FILE};

/// Number of most probable tokens that transformers samples from by default.
const DEFAULT_TOP_K: usize = 50;

/// Keys of transformers that affect texts and are not supported, with a number that stands for no
/// effect. `null`, `false` and empty lists have none either.
const UNSUPPORTED: [(&str, f64); 11] = [
    ("constraints", 0.0),
    ("dola_layers", 0.0),
    ("force_words_ids", 0.0),
    ("forced_decoder_ids", 0.0),
    ("guidance_scale", 1.0),
    ("max_time", 0.0),
    ("num_beam_groups", 1.0),
    ("penalty_alpha", 0.0),
    ("remove_invalid_values", 0.0),
    ("token_healing", 0.0),
    ("watermarking_config", 0.0),
];

/// Keys of transformers without effect on texts: caches, outputs, speculative decoding, and the
/// penalty of beam groups, which only has an effect with several groups.
const WITHOUT_EFFECT: [&str; 32] = [
    "_commit_hash",
    "_from_model_config",
    "assistant_confidence_threshold",
    "assistant_early_exit",
    "assistant_ensemble_weight",
    "assistant_lookbehind",
    "cache_config",
    "cache_implementation",
    "compile_config",
    "continuous_batching_config",
    "disable_compile",
    "diversity_penalty",
    "is_assistant",
    "low_memory",
    "max_cache_len",
    "max_matching_ngram_size",
    "num_assistant_tokens",
    "num_assistant_tokens_schedule",
    "output_attentions",
    "output_hidden_states",
    "output_logits",
    "output_scores",
    "prefill_chunk_size",
    "prompt_lookup_num_tokens",
    "return_dict_in_generate",
    "speculation_type",
    "target_lookbehind",
    "transformers_version",
    "transformers_weights",
    "use_cache",
    "use_mtp",
    "_name_or_path",
];

/// Keys that `config.json` has for the model itself.
const KEYS_OF_MODEL: [&str; 4] =
    ["bos_token_id", "decoder_start_token_id", "eos_token_id", "pad_token_id"];

/// Generation settings of a model's files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GenerationDefaults {
    path: Option<PathBuf>,
    settings: GenerationSettings,
    unsupported: Vec<String>,
    unknown: Vec<String>,
}

impl GenerationDefaults {
    /// Reads `generation_config.json`. Without this file, reads the generation settings that older
    /// versions of transformers wrote to `config.json`.
    pub(crate) fn read(folder: &Path, model: &T5Config) -> Result<Self> {
        let path = folder.join(GENERATION_CONFIG_FILE);
        let legacy = folder.join(CONFIG_FILE);
        if path.is_file() {
            Self::from_file(path, false, model)
        } else if legacy.is_file() {
            Self::from_file(legacy, true, model)
        } else {
            Ok(Self::default())
        }
    }

    fn from_file(path: PathBuf, is_model_config: bool, model: &T5Config) -> Result<Self> {
        let object = read_fields(&path)?;
        let in_file = |source| ConfigError::in_file(&path, source);
        let mut defaults = Self::default();
        for (key, value) in &object {
            let is_of_model = is_model_config && KEYS_OF_MODEL.contains(&key.as_str());
            if value.is_null() || is_of_model {
                continue;
            }
            let unsupported = UNSUPPORTED.iter().find(|(known, _)| known == key);
            if let Some((_, neutral)) = unsupported {
                if !is_neutral(value, *neutral) {
                    defaults.unsupported.push(format!("`{key}` to {value}"));
                }
            } else if !defaults.settings.set(key, value).map_err(in_file)?
                && !WITHOUT_EFFECT.contains(&key.as_str())
            {
                defaults.unknown.push(key.clone());
            }
        }
        // A configuration that was derived from `config.json` may have its other keys.
        if is_model_config || object.get("_from_model_config") == Some(&Value::Bool(true)) {
            defaults.unknown.clear();
        }
        if defaults.settings.do_sample == Some(true) {
            defaults.settings.top_k.get_or_insert(DEFAULT_TOP_K);
        }
        let checked = defaults.settings.to_config().and_then(|config| {
            config.check_tokens(model.vocab_size)?;
            Ok(())
        });
        if let Err(crate::Error::Config(source)) = checked {
            return Err(in_file(source).into());
        }
        if defaults != Self::default() {
            defaults.path = Some(path);
        }
        Ok(defaults)
    }

    /// Returns the file; `None` if the model has no file with generation settings.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the settings of the file.
    pub fn settings(&self) -> &GenerationSettings {
        &self.settings
    }

    /// Returns the keys that are not known to transformers either.
    pub fn unknown_keys(&self) -> &[String] {
        &self.unknown
    }

    /// Checks that the file has no settings that affect texts and are not supported.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnsupportedSettings`] names them.
    pub fn check(&self) -> Result<()> {
        match &self.path {
            Some(path) if !self.unsupported.is_empty() => Err(ConfigError::UnsupportedSettings {
                path: path.clone(),
                settings: self.unsupported.join(", "),
            }
            .into()),
            _ => Ok(()),
        }
    }
}

impl GenerationDefaults {
    /// Checks the settings like [`check`](Self::check), and that none requires a tokenizer.
    ///
    /// # Errors
    ///
    /// See [`check`](Self::check).
    pub fn check_without_tokenizer(&self) -> Result<()> {
        let mut settings = self.unsupported.clone();
        if !self.settings.stop_strings().is_empty() {
            settings.push(format!("`stop_strings` to {:?}", self.settings.stop_strings()));
        }
        Self { unsupported: settings, path: self.path.clone(), ..Self::default() }.check()
    }
}

/// Returns whether a value stands for no effect.
fn is_neutral(value: &Value, neutral: f64) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(neutral),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
    }
}
