use std::path::Path;

use crate::config::T5Config;
use crate::error::{ConfigError, Result};
use crate::weights::config_fields::read_fields;
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
    let file = read_fields(path)?;
    let mut merged = HuggingFaceConfig::from(&inferred).into_fields();
    // Fields that others are derived from replace the derived ones too.
    for (given, derived) in [
        ("feed_forward_proj", "dense_act_fn"),
        ("feed_forward_proj", "is_gated_act"),
        ("tie_word_embeddings", "scale_decoder_outputs"),
    ] {
        if file.contains_key(given) {
            merged.remove(derived);
        }
    }
    merged.extend(file);
    let mut config = HuggingFaceConfig::from_fields(merged)
        .and_then(T5Config::try_from)
        .map_err(|source| ConfigError::in_file(path, source))?;
    // Like in transformers checkpoints, the arrays decide whether there is a head.
    config.tie_word_embeddings = inferred.tie_word_embeddings;
    let [configured, found] =
        [&config, &inferred].map(|config| HuggingFaceConfig::from(config).into_fields());
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
