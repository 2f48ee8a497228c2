use burn::config::Config;

use crate::error::ConfigError;
use crate::family::{Family, LongAttention};

/// Activation function of a feed-forward layer.
#[derive(Config, Debug, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// `max(x, 0)`, of T5 1.0.
    Relu,
    /// `x Φ(x)` with the exact error function.
    Gelu,
    /// The tanh approximation of gelu, of T5 1.1 and its descendants.
    GeluTanh,
    /// `x σ(x)`, also called swish.
    Silu,
}

/// Configuration of a T5.
///
/// See [`HuggingFaceConfig`](crate::HuggingFaceConfig) for transformers' `config.json`.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `family` | `T5` | Architecture | |
/// | `vocab_size` | | Rows of the embedding table | > 0 |
/// | `d_model` | | Width of embeddings and hidden states | > 0 |
/// | `d_kv` | | Width of one attention head | > 0 |
/// | `d_ff` | | Width inside a feed-forward layer | > 0 |
/// | `num_layers` | | Blocks of the encoder | > 0 |
/// | `num_decoder_layers` | | Blocks of the decoder | > 0 |
/// | `num_heads` | | Heads of each attention | > 0 |
/// | `relative_attention_num_buckets` | `32` | Rows of the position bias | >= 4 |
/// | `relative_attention_max_distance` | `128` | Distance from which all positions share a bucket | > half the buckets |
/// | `dropout_rate` | `0.1` | Dropout probability in training | `[0, 1)` |
/// | `layer_norm_epsilon` | `1e-6` | Added to the mean square in each norm | > 0 |
/// | `initializer_factor` | `1.0` | Factor of every standard deviation of initial weights | > 0 |
/// | `activation` | `Relu` | Activation of the feed-forward layers | |
/// | `gated` | `false` | Whether the feed-forward layers are gated | |
/// | `tie_word_embeddings` | `true` | Whether the head is the embedding table | |
/// | `scale_decoder_outputs` | `true` | Whether the head's input is scaled by `d_model^-0.5` | `false` for mT5 |
/// | `pad_token_id` | `0` | Pads shorter rows | < `vocab_size` |
/// | `eos_token_id` | `1` | Ends an input and a target | < `vocab_size` |
/// | `other_eos_token_ids` | none | Other tokens that end a generated text | < `vocab_size` |
/// | `decoder_start_token_id` | `0` | First input of the decoder | < `vocab_size` |
#[derive(Config, Debug, PartialEq)]
pub struct T5Config {
    /// Architecture.
    #[config(default = "Family::T5")]
    pub family: Family,
    /// Rows of the embedding table.
    pub vocab_size: usize,
    /// Width of embeddings and hidden states.
    pub d_model: usize,
    /// Width of one attention head; `num_heads * d_kv` need not be `d_model`.
    pub d_kv: usize,
    /// Width inside a feed-forward layer.
    pub d_ff: usize,
    /// Blocks of the encoder.
    pub num_layers: usize,
    /// Blocks of the decoder.
    pub num_decoder_layers: usize,
    /// Heads of each attention.
    pub num_heads: usize,
    /// Rows of the position bias.
    #[config(default = 32)]
    pub relative_attention_num_buckets: usize,
    /// Distance from which all positions share a bucket.
    #[config(default = 128)]
    pub relative_attention_max_distance: usize,
    /// Dropout probability in training.
    #[config(default = 0.1)]
    pub dropout_rate: f64,
    /// Added to the mean square in each norm.
    #[config(default = 1e-6)]
    pub layer_norm_epsilon: f64,
    /// Factor of every standard deviation of initial weights.
    #[config(default = 1.0)]
    pub initializer_factor: f64,
    /// Activation of the feed-forward layers.
    #[config(default = "Activation::Relu")]
    pub activation: Activation,
    /// Whether the feed-forward layers are gated.
    #[config(default = false)]
    pub gated: bool,
    /// Whether the head is the embedding table.
    #[config(default = true)]
    pub tie_word_embeddings: bool,
    /// Whether the head's input is scaled by `d_model^-0.5`.
    #[config(default = true)]
    pub scale_decoder_outputs: bool,
    /// Pads shorter rows.
    #[config(default = 0)]
    pub pad_token_id: u32,
    /// Ends an input and a target.
    #[config(default = 1)]
    pub eos_token_id: u32,
    /// Other tokens that end a generated text.
    #[config(default = "Vec::new()")]
    pub other_eos_token_ids: Vec<u32>,
    /// First input of the decoder.
    #[config(default = 0)]
    pub decoder_start_token_id: u32,
}

impl T5Config {
    /// Returns T5 1.0 small: 60 million parameters.
    pub fn small() -> Self {
        Self::new(32128, 512, 64, 2048, 6, 6, 8)
    }

    /// Returns T5 1.0 base: 220 million parameters.
    pub fn base() -> Self {
        Self::new(32128, 768, 64, 3072, 12, 12, 12)
    }

    /// Returns T5 1.0 large: 770 million parameters.
    pub fn large() -> Self {
        Self::new(32128, 1024, 64, 4096, 24, 24, 16)
    }

    /// Returns T5 1.1 small (also its LM-adapted and Flan descendants): 77 million parameters.
    pub fn v1_1_small() -> Self {
        Self::new(32128, 512, 64, 1024, 8, 8, 6).into_v1_1()
    }

    /// Returns T5 1.1 base (also its LM-adapted and Flan descendants): 250 million parameters.
    pub fn v1_1_base() -> Self {
        Self::new(32128, 768, 64, 2048, 12, 12, 12).into_v1_1()
    }

    /// Returns T5 1.1 large (also its LM-adapted and Flan descendants): 780 million parameters.
    pub fn v1_1_large() -> Self {
        Self::new(32128, 1024, 64, 2816, 24, 24, 16).into_v1_1()
    }

    /// Sets the differences of T5 1.1: gated gelu, and an unscaled head separate from the embedding
    /// table.
    fn into_v1_1(self) -> Self {
        self.with_activation(Activation::GeluTanh)
            .with_gated(true)
            .with_tie_word_embeddings(false)
            .with_scale_decoder_outputs(false)
    }

    /// Returns the settings of a LongT5's encoder.
    pub fn long_attention(&self) -> Option<LongAttention> {
        match self.family {
            Family::LongT5(attention) => Some(attention),
            Family::T5 | Family::Mt5 | Family::Umt5 => None,
        }
    }

    /// Returns the total width of all attention heads.
    pub fn inner_dim(&self) -> usize {
        self.num_heads.saturating_mul(self.d_kv)
    }

    /// Returns the tokens that end a generated text.
    pub fn end_token_ids(&self) -> Vec<u32> {
        std::iter::once(self.eos_token_id).chain(self.other_eos_token_ids.iter().copied()).collect()
    }

    /// Checks that every value is in its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] names the first field that is not.
    pub fn check(&self) -> Result<(), ConfigError> {
        let require = ConfigError::require;
        for (field, value) in [
            ("vocab_size", self.vocab_size),
            ("d_model", self.d_model),
            ("d_kv", self.d_kv),
            ("d_ff", self.d_ff),
            ("num_layers", self.num_layers),
            ("num_decoder_layers", self.num_decoder_layers),
            ("num_heads", self.num_heads),
        ] {
            require(value > 0, field, "positive", &value)?;
        }
        let is_counted = self.num_heads.checked_mul(self.d_kv).is_some();
        require(is_counted, "num_heads", "countable as heads of width `d_kv`", &self.num_heads)?;
        // Half of the encoder's buckets are for each direction, and half of these for exact
        // distances. With fewer than four buckets none would be exact.
        let buckets = self.relative_attention_num_buckets;
        require(buckets >= 4, "relative_attention_num_buckets", "at least 4", &buckets)?;
        let distance = self.relative_attention_max_distance;
        require(
            distance > buckets / 2,
            "relative_attention_max_distance",
            "more than half of `relative_attention_num_buckets`",
            &distance,
        )?;
        let rate = self.dropout_rate;
        require((0.0..1.0).contains(&rate), "dropout_rate", "in [0, 1)", &rate)?;
        for (field, value) in [
            ("layer_norm_epsilon", self.layer_norm_epsilon),
            ("initializer_factor", self.initializer_factor),
        ] {
            require(value.is_finite() && value > 0.0, field, "positive", &value)?;
        }
        if let Some(block_size) = self.long_attention().and_then(|long| long.global_block_size) {
            require(block_size > 0, "global_block_size", "positive", &block_size)?;
        }
        let scaled = self.scale_decoder_outputs;
        let is_allowed = !scaled || self.family != Family::Mt5;
        require(is_allowed, "scale_decoder_outputs", "`false` for mT5", &scaled)?;
        for (field, value) in [
            ("pad_token_id", self.pad_token_id),
            ("eos_token_id", self.eos_token_id),
            ("decoder_start_token_id", self.decoder_start_token_id),
        ]
        .into_iter()
        .chain(self.other_eos_token_ids.iter().map(|id| ("eos_token_id", *id)))
        {
            require((value as usize) < self.vocab_size, field, "less than `vocab_size`", &value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid() {
        for config in [
            T5Config::small(),
            T5Config::base(),
            T5Config::large(),
            T5Config::v1_1_small(),
            T5Config::v1_1_base(),
            T5Config::v1_1_large(),
        ] {
            config.check().unwrap();
        }
    }

    #[test]
    fn out_of_range_values_are_rejected() {
        let check = |config: T5Config, expected: &str| {
            assert_eq!(config.check().unwrap_err().to_string(), expected);
        };
        let small = T5Config::small;
        check(T5Config { d_kv: 0, ..small() }, "`d_kv` must be positive, but is `0`");
        check(
            small().with_relative_attention_num_buckets(2),
            "`relative_attention_num_buckets` must be at least 4, but is `2`",
        );
        check(
            small().with_relative_attention_max_distance(16),
            "`relative_attention_max_distance` must be more than half of `relative_attention_num_buckets`, but is `16`",
        );
        check(small().with_dropout_rate(1.0), "`dropout_rate` must be in [0, 1), but is `1`");
        check(
            small().with_layer_norm_epsilon(0.0),
            "`layer_norm_epsilon` must be positive, but is `0`",
        );
        check(
            small().with_eos_token_id(40000),
            "`eos_token_id` must be less than `vocab_size`, but is `40000`",
        );
        let long = LongAttention { local_radius: 127, global_block_size: Some(0) };
        check(
            small().with_family(Family::LongT5(long)),
            "`global_block_size` must be positive, but is `0`",
        );
        check(
            small().with_family(Family::Mt5),
            "`scale_decoder_outputs` must be `false` for mT5, but is `true`",
        );
    }
}
