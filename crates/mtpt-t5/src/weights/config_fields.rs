//! Parsing the fields of a `config.json`.

use std::path::Path;

use mtpt_io::ForeignContent;
use serde_json::{Map, Value};

use crate::config::T5Config;
use crate::error::{ConfigError, Result};
use crate::weights::hf_config::HuggingFaceConfig;
use crate::weights::model_type::ModelType;

/// Names under which transformers also accepts a field. They take precedence.
pub(crate) const ALIASES: [(&str, &str); 4] = [
    ("hidden_size", "d_model"),
    ("num_attention_heads", "num_heads"),
    ("num_hidden_layers", "num_layers"),
    ("head_dim", "d_kv"),
];

/// Fields that are not whole numbers, and their types.
const TYPES: [(&str, &str); 12] = [
    ("model_type", "a string"),
    ("feed_forward_proj", "a string"),
    ("dense_act_fn", "a string"),
    ("encoder_attention_type", "a string"),
    ("dropout_rate", "a number"),
    ("layer_norm_epsilon", "a number"),
    ("initializer_factor", "a number"),
    ("is_gated_act", "`true` or `false`"),
    ("tie_word_embeddings", "`true` or `false`"),
    ("scale_decoder_outputs", "`true` or `false`"),
    ("is_encoder_decoder", "`true` or `false`"),
    ("eos_token_id", "a token id or a list of them"),
];

impl HuggingFaceConfig {
    /// Reads a `config.json`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) and [`ConfigError`], naming the file.
    pub fn read(path: &Path) -> Result<Self> {
        let config = Self::from_fields(read_fields(path)?);
        Ok(config.map_err(|source| ConfigError::in_file(path, source))?)
    }

    /// Returns the defaults of a type of model in transformers.
    fn defaults(model_type: ModelType) -> Self {
        match model_type {
            ModelType::T5 | ModelType::LongT5 => Self::default(),
            ModelType::Mt5 | ModelType::Umt5 => Self {
                vocab_size: 250112,
                d_ff: 1024,
                num_layers: 8,
                num_heads: 6,
                feed_forward_proj: "gated-gelu".to_owned(),
                ..Self::default()
            },
        }
    }

    /// Parses the fields of a `config.json`.
    ///
    /// # Errors
    ///
    /// Names the field that has the wrong type, or because of which the model is not supported.
    pub(crate) fn from_fields(mut fields: Map<String, Value>) -> Result<Self, ConfigError> {
        let model_type = ModelType::of_file(&fields)?;
        let defaults = Self::defaults(model_type);
        if model_type != ModelType::T5 {
            fields.insert("model_type".to_owned(), model_type.name().into());
        }
        // transformers sets this default before it applies the aliases.
        if fields.contains_key("num_hidden_layers") && is_missing(&fields, "num_decoder_layers") {
            let layers = fields.get("num_layers").cloned().unwrap_or(defaults.num_layers.into());
            fields.insert("num_decoder_layers".to_owned(), layers);
        }
        for (alias, name) in ALIASES {
            if let Some(value) = fields.remove(alias) {
                fields.insert(name.to_owned(), value);
            }
        }
        let mut merged = defaults.into_fields();
        merged.extend(fields);
        serde_json::from_value(Value::Object(merged.clone())).map_err(|_| wrong_type(merged))
    }

    /// Returns the fields of a `config.json`.
    pub(crate) fn into_fields(self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            _ => unreachable!("invariant: a configuration is an object"),
        }
    }
}

/// Reads the configuration of a model from a `config.json`, and names the file in errors.
pub(crate) fn read_config_file(path: &Path) -> Result<T5Config> {
    let config = T5Config::try_from(HuggingFaceConfig::read(path)?);
    Ok(config.map_err(|source| ConfigError::in_file(path, source))?)
}

/// Returns the fields of a JSON file.
pub(crate) fn read_fields(path: &Path) -> Result<Map<String, Value>> {
    let bytes = mtpt_io::fs::read(path)?;
    // Editors on Windows may put a byte order mark at the start.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let path = path.to_owned();
    Ok(match serde_json::from_slice(text) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return Err(ConfigError::NotAnObject { path }.into()),
        Err(error) => {
            return Err(match ForeignContent::instead_of_object(text) {
                Some(content) => ConfigError::NotJson { path, content },
                None => {
                    let (line, column) = (error.line(), error.column());
                    ConfigError::JsonSyntax { path, line, column }
                }
            }
            .into());
        }
    })
}

fn is_missing(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).is_none_or(Value::is_null)
}

/// Returns the error about the first field of a wrong type.
fn wrong_type(fields: Map<String, Value>) -> ConfigError {
    let is_wrong = |(name, value): &(String, Value)| {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        serde_json::from_value::<HuggingFaceConfig>(Value::Object(alone)).is_err()
    };
    let (field, value) =
        fields.into_iter().find(is_wrong).expect("invariant: the fields are independent");
    let known = TYPES.iter().find(|(name, _)| *name == field);
    let expected = known.map_or("a whole number, 0 or more", |(_, expected)| *expected);
    ConfigError::Type { field, expected, found: value.to_string() }
}
