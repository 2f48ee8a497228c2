use std::path::Path;

use serde_json::{Map, Value};

use crate::config::T5Config;
use crate::error::{ConfigError, Result};
use crate::weights::hf_config::HuggingFaceConfig;

/// Fields that the arrays determine.
const DETERMINED: [&str; 9] = [
    "vocab_size",
    "d_model",
    "d_kv",
    "d_ff",
    "num_layers",
    "num_decoder_layers",
    "num_heads",
    "relative_attention_num_buckets",
    "is_gated_act",
];

/// Completes an inferred configuration by the `config.json` next to the checkpoint.
///
/// Values of the file that the arrays determine must agree with them.
pub(super) fn with_config_file(inferred: T5Config, path: &Path, folder: &Path) -> Result<T5Config> {
    let text = mtpt_io::fs::read(path)?;
    let json = |source| ConfigError::Json { path: path.to_owned(), source };
    let file: Map<String, Value> = serde_json::from_slice(&text).map_err(json)?;
    let mut merged = serde_json::to_value(HuggingFaceConfig::from(&inferred)).map_err(json)?;
    // Fields that others are derived from replace the derived ones too.
    for (given, derived) in [
        ("feed_forward_proj", "dense_act_fn"),
        ("feed_forward_proj", "is_gated_act"),
        ("tie_word_embeddings", "scale_decoder_outputs"),
    ] {
        if file.contains_key(given) {
            merged[derived] = Value::Null;
        }
    }
    for (key, value) in file {
        merged[key] = value;
    }
    let merged: HuggingFaceConfig = serde_json::from_value(merged).map_err(json)?;
    let mut config = T5Config::try_from(merged)
        .map_err(|source| ConfigError::File { path: path.to_owned(), source: Box::new(source) })?;
    // Like in transformers checkpoints, the arrays decide whether there is a head.
    config.tie_word_embeddings = inferred.tie_word_embeddings;
    let [configured, found] = [&config, &inferred]
        .map(|config| serde_json::to_value(HuggingFaceConfig::from(config)).map_err(json));
    let (configured, found) = (configured?, found?);
    for field in DETERMINED {
        if configured[field] != found[field] {
            return Err(ConfigError::ContradictsCheckpoint {
                path: path.to_owned(),
                field,
                configured: configured[field].to_string(),
                checkpoint: folder.to_owned(),
                found: found[field].to_string(),
            }
            .into());
        }
    }
    Ok(config)
}
