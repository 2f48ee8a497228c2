//! `config.json` of transformers, with transformers' names and defaults.

use serde::{Deserialize, Serialize};

use crate::config::T5Config;
use crate::error::ConfigError;
use crate::family::{Family, LongAttention};
use crate::weights::feed_forward_name;
use crate::weights::model_type::ModelType;

/// The fields of a transformers `config.json` that affect the output of a T5.
///
/// Read like transformers 5 does, including files of transformers 4. Missing fields have
/// transformers' defaults for the type of model. Other fields are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HuggingFaceConfig {
    /// Classes of transformers for this configuration.
    #[serde(skip_deserializing)]
    pub architectures: Vec<String>,
    /// `t5`, `mt5`, `umt5` or `longt5`; `None` if the file does not specify it.
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
    /// See [`T5Config::scale_decoder_outputs`]. Defaults to `tie_word_embeddings`. Has no effect on
    /// mT5, which never scales.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_decoder_outputs: Option<bool>,
    /// Must be `true`.
    pub is_encoder_decoder: bool,
    /// `local` or `transient-global`, the attention of a LongT5's encoder. Defaults to `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder_attention_type: Option<String>,
    /// See [`LongAttention::local_radius`]. Defaults to 127.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_radius: Option<usize>,
    /// See [`LongAttention::global_block_size`]. Defaults to 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_block_size: Option<usize>,
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
    /// Several ids.
    Several(Vec<u32>),
}

impl EndTokens {
    /// Returns the ids.
    pub fn to_vec(&self) -> Vec<u32> {
        match self {
            Self::One(id) => vec![*id],
            Self::Several(ids) => ids.clone(),
        }
    }
}

impl Default for HuggingFaceConfig {
    /// The defaults of transformers' `T5Config`.
    fn default() -> Self {
        Self {
            architectures: vec![ModelType::T5.architecture().to_owned()],
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
            encoder_attention_type: None,
            local_radius: None,
            global_block_size: None,
            pad_token_id: Some(0),
            eos_token_id: Some(EndTokens::One(1)),
            decoder_start_token_id: None,
        }
    }
}

impl TryFrom<HuggingFaceConfig> for T5Config {
    type Error = ConfigError;

    fn try_from(file: HuggingFaceConfig) -> Result<Self, ConfigError> {
        let family = family(&file)?;
        let (activation, gated) = feed_forward_name::parse(
            &file.feed_forward_proj,
            file.dense_act_fn.as_deref(),
            file.is_gated_act,
        )?;
        // In a file of transformers 4, `tie_word_embeddings: false` means that the head's input is
        // not scaled (T5 1.1). transformers 5 also writes `scale_decoder_outputs`.
        let tied = file.tie_word_embeddings != Some(false);
        // transformers 5 never scales mT5. transformers 4 did for `tie_word_embeddings: true`,
        // which was not the default.
        let scaled = family != Family::Mt5 && file.scale_decoder_outputs.unwrap_or(tied);
        let pad_token_id = file.pad_token_id.unwrap_or(0);
        let end_token_ids = file.eos_token_id.map_or_else(|| vec![1], |tokens| tokens.to_vec());
        let Some((eos_token_id, other_eos_token_ids)) = end_token_ids.split_first() else {
            return Err(ConfigError::OutOfRange {
                field: "eos_token_id",
                expected: "a token id or a list of at least one",
                found: "[]".to_owned(),
            });
        };
        let config = Self {
            family,
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
            scale_decoder_outputs: scaled,
            pad_token_id,
            eos_token_id: *eos_token_id,
            other_eos_token_ids: other_eos_token_ids.to_vec(),
            decoder_start_token_id: file.decoder_start_token_id.unwrap_or(pad_token_id),
        };
        config.check()?;
        Ok(config)
    }
}

/// Returns the architecture of a file.
fn family(file: &HuggingFaceConfig) -> Result<Family, ConfigError> {
    let fields = [
        ("model_type", file.model_type.as_deref().into()),
        ("is_encoder_decoder", file.is_encoder_decoder.into()),
    ];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    Ok(match ModelType::of_file(&fields.collect())? {
        ModelType::T5 => Family::T5,
        ModelType::Mt5 => Family::Mt5,
        ModelType::Umt5 => Family::Umt5,
        ModelType::LongT5 => Family::LongT5(LongAttention {
            local_radius: file.local_radius.unwrap_or(127),
            global_block_size: match file.encoder_attention_type.as_deref() {
                None | Some("local") => None,
                Some("transient-global") => Some(file.global_block_size.unwrap_or(16)),
                Some(found) => {
                    return Err(ConfigError::OutOfRange {
                        field: "encoder_attention_type",
                        expected: "`local` or `transient-global`",
                        found: found.to_owned(),
                    });
                }
            },
        }),
    })
}

impl From<&T5Config> for HuggingFaceConfig {
    fn from(config: &T5Config) -> Self {
        let (feed_forward_proj, activation) =
            feed_forward_name::names(config.activation, config.gated);
        let model_type = ModelType::of(config.family);
        let long = config.long_attention();
        let global_block_size = long.and_then(|long| long.global_block_size);
        let attention = if global_block_size.is_some() { "transient-global" } else { "local" };
        Self {
            architectures: vec![model_type.architecture().to_owned()],
            model_type: Some(model_type.name().to_owned()),
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
            encoder_attention_type: long.map(|_| attention.to_owned()),
            local_radius: long.map(|long| long.local_radius),
            global_block_size,
            pad_token_id: Some(config.pad_token_id),
            eos_token_id: Some(match config.other_eos_token_ids[..] {
                [] => EndTokens::One(config.eos_token_id),
                [..] => EndTokens::Several(config.end_token_ids()),
            }),
            decoder_start_token_id: Some(config.decoder_start_token_id),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Activation;

    fn parse(json: &str) -> Result<T5Config, ConfigError> {
        HuggingFaceConfig::from_fields(serde_json::from_str(json).unwrap())?.try_into()
    }

    fn long(global_block_size: Option<usize>) -> Family {
        Family::LongT5(LongAttention { local_radius: 31, global_block_size })
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
    fn end_token_may_be_a_list() {
        let config = parse(r#"{"eos_token_id": [7]}"#).unwrap();
        assert_eq!((config.eos_token_id, config.end_token_ids()), (7, vec![7]));
        let config = parse(r#"{"eos_token_id": [7, 8]}"#).unwrap();
        assert_eq!((config.eos_token_id, config.end_token_ids()), (7, vec![7, 8]));
        assert!(parse(r#"{"eos_token_id": []}"#).is_err());
        assert!(parse(r#"{"eos_token_id": [7, 40000]}"#).is_err());
    }

    #[test]
    fn configs_round_trip() {
        for config in [
            T5Config::small(),
            T5Config::v1_1_base(),
            T5Config::v1_1_base().with_activation(Activation::Gelu),
            T5Config::small().with_activation(Activation::Silu).with_gated(true),
            T5Config::v1_1_small().with_family(Family::Mt5),
            T5Config::small().with_family(Family::Umt5),
            T5Config::small().with_family(long(None)),
            T5Config::v1_1_small().with_family(long(Some(8))),
            T5Config::small().with_other_eos_token_ids(vec![7]),
        ] {
            let json = serde_json::to_string(&HuggingFaceConfig::from(&config)).unwrap();
            assert_eq!(parse(&json).unwrap(), config);
        }
    }
}
