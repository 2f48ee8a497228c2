//! `config.json` of transformers, with transformers' names and defaults.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::{Activation, T5Config};
use crate::error::{ConfigError, Result};

/// The fields of a transformers `config.json` that affect the output of a T5.
///
/// Read like transformers 5 does, including files of transformers 4. Missing fields have
/// transformers' defaults. Other fields are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HuggingFaceConfig {
    /// Classes of transformers for this configuration.
    #[serde(skip_deserializing)]
    pub architectures: Vec<String>,
    /// Family of the model, `t5`; `None` if the file does not specify it.
    pub model_type: Option<String>,
    /// See [`T5Config::vocab_size`].
    pub vocab_size: usize,
    /// See [`T5Config::d_model`].
    pub d_model: usize,
    /// See [`T5Config::d_kv`].
    pub d_kv: usize,
    /// See [`T5Config::d_ff`].
    pub d_ff: usize,
    /// See [`T5Config::num_layers`].
    pub num_layers: usize,
    /// Defaults to `num_layers`. See [`T5Config::num_decoder_layers`].
    pub num_decoder_layers: Option<usize>,
    /// See [`T5Config::num_heads`].
    pub num_heads: usize,
    /// See [`T5Config::relative_attention_num_buckets`].
    pub relative_attention_num_buckets: usize,
    /// See [`T5Config::relative_attention_max_distance`].
    pub relative_attention_max_distance: usize,
    /// See [`T5Config::dropout_rate`].
    pub dropout_rate: f64,
    /// See [`T5Config::layer_norm_epsilon`].
    pub layer_norm_epsilon: f64,
    /// See [`T5Config::initializer_factor`].
    pub initializer_factor: f64,
    /// Name of the feed-forward layer: an activation, or an activation prefixed with `gated-`.
    pub feed_forward_proj: String,
    /// Overrides the activation of `feed_forward_proj`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dense_act_fn: Option<String>,
    /// Overrides whether `feed_forward_proj` is gated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_gated_act: Option<bool>,
    /// In files of transformers 4 also the default of `scale_decoder_outputs`.
    pub tie_word_embeddings: Option<bool>,
    /// See [`T5Config::scale_decoder_outputs`]. Defaults to `tie_word_embeddings`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_decoder_outputs: Option<bool>,
    /// Must be `true`.
    pub is_encoder_decoder: bool,
    /// See [`T5Config::pad_token_id`].
    pub pad_token_id: Option<u32>,
    /// See [`T5Config::eos_token_id`].
    pub eos_token_id: Option<EndTokens>,
    /// Defaults to `pad_token_id`.
    pub decoder_start_token_id: Option<u32>,
}

/// One end token, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EndTokens {
    /// A single id.
    One(u32),
    /// Several ids. Only a list of one is supported.
    Several(Vec<u32>),
}

/// Activations by their names in transformers.
#[rustfmt::skip]
const ACTIVATIONS: &[(&str, Activation)] = &[
    ("relu",              Activation::Relu),
    ("gelu",              Activation::Gelu),
    ("gelu_new",          Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("silu",              Activation::Silu),
    ("swish",             Activation::Silu),
];

const KNOWN_FEED_FORWARDS: &str = "`relu`, `gelu`, `gelu_new`, `gelu_pytorch_tanh`, `silu`, `swish`, \
                                   or `gated-` and one of these";

impl Default for HuggingFaceConfig {
    /// The defaults of transformers' `T5Config`.
    fn default() -> Self {
        Self {
            architectures: vec!["T5ForConditionalGeneration".to_owned()],
            model_type: None,
            vocab_size: 32128,
            d_model: 512,
            d_kv: 64,
            d_ff: 2048,
            num_layers: 6,
            num_decoder_layers: None,
            num_heads: 8,
            relative_attention_num_buckets: 32,
            relative_attention_max_distance: 128,
            dropout_rate: 0.1,
            layer_norm_epsilon: 1e-6,
            initializer_factor: 1.0,
            feed_forward_proj: "relu".to_owned(),
            dense_act_fn: None,
            is_gated_act: None,
            tie_word_embeddings: None,
            scale_decoder_outputs: None,
            is_encoder_decoder: true,
            pad_token_id: Some(0),
            eos_token_id: Some(EndTokens::One(1)),
            decoder_start_token_id: None,
        }
    }
}

impl HuggingFaceConfig {
    /// Reads a `config.json`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) and [`ConfigError::Json`] name the file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = mtpt_io::fs::read(path)?;
        let config = serde_json::from_slice(&text);
        Ok(config.map_err(|source| ConfigError::Json { path: path.to_owned(), source })?)
    }
}

impl TryFrom<HuggingFaceConfig> for T5Config {
    type Error = ConfigError;

    fn try_from(file: HuggingFaceConfig) -> Result<Self, ConfigError> {
        if let Some(found) = file.model_type.filter(|name| !matches!(name.as_str(), "t5" | "mt5")) {
            let field = "model_type";
            return Err(ConfigError::OutOfRange { field, expected: "`t5`", found });
        }
        if !file.is_encoder_decoder {
            return Err(ConfigError::OutOfRange {
                field: "is_encoder_decoder",
                expected: "`true`",
                found: "false".to_owned(),
            });
        }
        let (activation, gated) =
            feed_forward(&file.feed_forward_proj, file.dense_act_fn.as_deref(), file.is_gated_act)?;
        // In a file of transformers 4, `tie_word_embeddings: false` means that the head's input is
        // not scaled (T5 1.1). transformers 5 also writes `scale_decoder_outputs`.
        let tied = file.tie_word_embeddings != Some(false);
        let pad_token_id = file.pad_token_id.unwrap_or(0);
        let eos_token_id = match file.eos_token_id {
            None => 1,
            Some(EndTokens::One(id)) => id,
            Some(EndTokens::Several(ids)) => match ids[..] {
                [id] => id,
                _ => {
                    return Err(ConfigError::OutOfRange {
                        field: "eos_token_id",
                        expected: "one id",
                        found: format!("{ids:?}"),
                    });
                }
            },
        };
        let config = Self {
            vocab_size: file.vocab_size,
            d_model: file.d_model,
            d_kv: file.d_kv,
            d_ff: file.d_ff,
            num_layers: file.num_layers,
            num_decoder_layers: file.num_decoder_layers.unwrap_or(file.num_layers),
            num_heads: file.num_heads,
            relative_attention_num_buckets: file.relative_attention_num_buckets,
            relative_attention_max_distance: file.relative_attention_max_distance,
            dropout_rate: file.dropout_rate,
            layer_norm_epsilon: file.layer_norm_epsilon,
            initializer_factor: file.initializer_factor,
            activation,
            gated,
            tie_word_embeddings: tied,
            scale_decoder_outputs: file.scale_decoder_outputs.unwrap_or(tied),
            pad_token_id,
            eos_token_id,
            decoder_start_token_id: file.decoder_start_token_id.unwrap_or(pad_token_id),
        };
        config.check()?;
        Ok(config)
    }
}

impl From<&T5Config> for HuggingFaceConfig {
    fn from(config: &T5Config) -> Self {
        let activation = match config.activation {
            Activation::Relu => "relu",
            Activation::Gelu => "gelu",
            Activation::GeluTanh => "gelu_new",
            Activation::Silu => "silu",
        };
        let feed_forward_proj = match (config.gated, config.activation) {
            // In transformers this name means the tanh approximation.
            (true, Activation::GeluTanh) => "gated-gelu".to_owned(),
            (true, _) => format!("gated-{activation}"),
            (false, _) => activation.to_owned(),
        };
        Self {
            model_type: Some("t5".to_owned()),
            vocab_size: config.vocab_size,
            d_model: config.d_model,
            d_kv: config.d_kv,
            d_ff: config.d_ff,
            num_layers: config.num_layers,
            num_decoder_layers: Some(config.num_decoder_layers),
            num_heads: config.num_heads,
            relative_attention_num_buckets: config.relative_attention_num_buckets,
            relative_attention_max_distance: config.relative_attention_max_distance,
            dropout_rate: config.dropout_rate,
            layer_norm_epsilon: config.layer_norm_epsilon,
            initializer_factor: config.initializer_factor,
            feed_forward_proj,
            dense_act_fn: Some(activation.to_owned()),
            is_gated_act: Some(config.gated),
            // Every version of transformers derives the scaling from this field. The tensors then
            // determine whether the head is the embedding table.
            tie_word_embeddings: Some(config.scale_decoder_outputs),
            scale_decoder_outputs: Some(config.scale_decoder_outputs),
            pad_token_id: Some(config.pad_token_id),
            eos_token_id: Some(EndTokens::One(config.eos_token_id)),
            decoder_start_token_id: Some(config.decoder_start_token_id),
            ..Self::default()
        }
    }
}

/// Parses the feed-forward layer like transformers: the name, overridden by the two derived fields.
fn feed_forward(
    name: &str,
    activation: Option<&str>,
    gated: Option<bool>,
) -> Result<(Activation, bool), ConfigError> {
    let unknown =
        || ConfigError::UnknownFeedForward { found: name.to_owned(), known: KNOWN_FEED_FORWARDS };
    let (named, is_gated) = match name.split_once('-') {
        Some(("gated", "gelu")) => ("gelu_new", true),
        Some(("gated", named)) => (named, true),
        Some(_) => return Err(unknown()),
        None => (name, false),
    };
    let find = |wanted: &str| {
        ACTIVATIONS.iter().find(|(known, _)| *known == wanted).map(|(_, activation)| *activation)
    };
    let named = find(named).ok_or_else(unknown)?;
    let activation = match activation {
        None => named,
        Some(wanted) => find(wanted).ok_or_else(|| ConfigError::OutOfRange {
            field: "dense_act_fn",
            expected: "`relu`, `gelu`, `gelu_new`, `gelu_pytorch_tanh`, `silu` or `swish`",
            found: wanted.to_owned(),
        })?,
    };
    Ok((activation, gated.unwrap_or(is_gated)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<T5Config, ConfigError> {
        serde_json::from_str::<HuggingFaceConfig>(json).unwrap().try_into()
    }

    #[test]
    fn defaults_are_t5_small() {
        assert_eq!(parse("{}").unwrap(), T5Config::small());
    }

    #[test]
    fn scaling_matches_transformers() {
        let check = |json: &str, tied: bool, scaled: bool| {
            let config = parse(json).unwrap();
            assert_eq!(
                (config.tie_word_embeddings, config.scale_decoder_outputs),
                (tied, scaled),
                "{json}"
            );
        };
        check("{}", true, true);
        check(r#"{"tie_word_embeddings": true}"#, true, true);
        check(r#"{"tie_word_embeddings": false}"#, false, false);
        check(r#"{"tie_word_embeddings": true, "scale_decoder_outputs": false}"#, true, false);
        check(r#"{"tie_word_embeddings": false, "scale_decoder_outputs": true}"#, false, true);
    }

    #[test]
    fn feed_forward_names_match_transformers() {
        let check = |json: &str, activation: Activation, gated: bool| {
            let config = parse(json).unwrap();
            assert_eq!((config.activation, config.gated), (activation, gated), "{json}");
        };
        check(r#"{"feed_forward_proj": "relu"}"#, Activation::Relu, false);
        check(r#"{"feed_forward_proj": "gelu"}"#, Activation::Gelu, false);
        check(r#"{"feed_forward_proj": "gated-gelu"}"#, Activation::GeluTanh, true);
        check(r#"{"feed_forward_proj": "gated-silu"}"#, Activation::Silu, true);
        check(r#"{"feed_forward_proj": "gated-swish"}"#, Activation::Silu, true);
        check(
            r#"{"feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu", "is_gated_act": true}"#,
            Activation::Gelu,
            true,
        );
        check(
            r#"{"feed_forward_proj": "relu", "dense_act_fn": "silu", "is_gated_act": true}"#,
            Activation::Silu,
            true,
        );
    }

    #[test]
    fn unknown_feed_forward_is_an_error() {
        for name in ["gated-relu-x", "geglu", "relu-gated", ""] {
            let error = parse(&format!(r#"{{"feed_forward_proj": "{name}"}}"#)).unwrap_err();
            let message = error.to_string();
            assert!(message.starts_with(&format!("unknown `feed_forward_proj` `{name}`")));
            assert!(message.contains("`gelu_new`"), "{message}");
        }
    }

    #[test]
    fn other_model_types_are_rejected() {
        let error = parse(r#"{"model_type": "bart"}"#).unwrap_err();
        assert_eq!(error.to_string(), "`model_type` must be `t5`, but is `bart`");
    }

    #[test]
    fn end_token_may_be_a_list_of_one() {
        assert_eq!(parse(r#"{"eos_token_id": [7]}"#).unwrap().eos_token_id, 7);
        assert!(parse(r#"{"eos_token_id": [7, 8]}"#).is_err());
    }

    #[test]
    fn configs_round_trip() {
        for config in [
            T5Config::small(),
            T5Config::v1_1_base(),
            T5Config::v1_1_base().with_activation(Activation::Gelu),
            T5Config::small().with_activation(Activation::Silu).with_gated(true),
        ] {
            let json = serde_json::to_string(&HuggingFaceConfig::from(&config)).unwrap();
            assert_eq!(parse(&json).unwrap(), config);
        }
    }
}
