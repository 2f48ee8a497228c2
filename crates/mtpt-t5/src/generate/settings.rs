use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{ConfigError, Result};
use crate::generate::config::GenerationConfig;
use crate::generate::strategy::{Beam, EarlyStopping, Sampling, Strategy};
use crate::weights::hf_config::EndTokens;

/// Declares the settings once: their names, types and values in words.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $kind:ty, $expected:literal;)*) => {
        /// Generation settings with the names of transformers' `generation_config.json`.
        ///
        /// Missing settings have the defaults of [`GenerationConfig`].
        ///
        /// # Examples
        ///
        /// ```
        /// use mtpt_t5::GenerationSettings;
        ///
        /// let file = GenerationSettings { num_beams: Some(4), ..Default::default() };
        /// let options = GenerationSettings { max_new_tokens: Some(20), ..Default::default() };
        /// let config = options.or(file).to_config()?;
        /// assert_eq!(config.strategy.beam().unwrap().num_beams, 4);
        /// # Ok::<(), mtpt_t5::Error>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub struct GenerationSettings {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$kind>,)*
        }

        impl GenerationSettings {
            /// Names of all settings.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Returns these settings, completed by those of `fallback`.
            #[must_use]
            pub fn or(self, fallback: Self) -> Self {
                Self { $($name: self.$name.or(fallback.$name),)* }
            }

            /// Sets a setting from JSON. Returns `false` for an unknown name.
            pub(crate) fn set(&mut self, name: &str, value: &Value) -> Result<bool, ConfigError> {
                match name {
                    $(stringify!($name) => {
                        self.$name = Some(<$kind>::deserialize(value).map_err(|_| {
                            ConfigError::OutOfRange {
                                field: stringify!($name),
                                expected: $expected,
                                found: value.to_string(),
                            }
                        })?);
                    })*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    };
}

settings! {
    /// Maximum number of tokens, including the first input of the decoder.
    max_length: usize, "an integer";
    /// Maximum number of generated tokens. Overrides `max_length`.
    max_new_tokens: usize, "an integer";
    /// Number of tokens before which a text can't end, including the first input of the decoder.
    min_length: usize, "an integer";
    /// Number of generated tokens before which a text can't end. Overrides `min_length`.
    min_new_tokens: usize, "an integer";
    /// Tokens that end a text.
    eos_token_id: EndTokens, "a token id or a list of them";
    /// First input of the decoder, if `decoder_start_token_id` is missing.
    bos_token_id: u32, "a token id";
    /// First input of the decoder.
    decoder_start_token_id: u32, "one token id";
    /// Fills rows that have ended, which has no effect on texts.
    pad_token_id: u32, "a token id";
    /// First token of every text.
    forced_bos_token_id: u32, "a token id";
    /// Last token of a text of the maximum length, or several possible ones.
    forced_eos_token_id: EndTokens, "a token id or a list of them";
    /// Texts that end a text which contains one of them.
    stop_strings: StopStrings, "a string or a list of strings";
    /// Whether to sample.
    do_sample: bool, "`true` or `false`";
    /// Number of beams. One stands for no beam search.
    num_beams: usize, "an integer";
    /// See [`Beam::length_penalty`].
    length_penalty: f64, "a number";
    /// See [`Beam::early_stopping`].
    early_stopping: EarlyStoppingSetting, "`true`, `false` or `\"never\"`";
    /// See [`GenerationConfig::num_return_sequences`].
    num_return_sequences: usize, "an integer";
    /// See [`Sampling::temperature`].
    temperature: f64, "a number";
    /// See [`Sampling::top_h`].
    top_h: f64, "a number";
    /// See [`Sampling::top_k`]. 0 stands for all tokens.
    top_k: usize, "an integer";
    /// See [`Sampling::top_p`].
    top_p: f64, "a number";
    /// See [`Sampling::min_p`].
    min_p: f64, "a number";
    /// See [`Sampling::typical_p`].
    typical_p: f64, "a number";
    /// See [`Sampling::epsilon_cutoff`]. 0 stands for no filter.
    epsilon_cutoff: f64, "a number";
    /// See [`Sampling::eta_cutoff`]. 0 stands for no filter.
    eta_cutoff: f64, "a number";
    /// See [`GenerationConfig::no_repeat_ngram_size`].
    no_repeat_ngram_size: usize, "an integer";
    /// See [`GenerationConfig::encoder_no_repeat_ngram_size`].
    encoder_no_repeat_ngram_size: usize, "an integer";
    /// See [`GenerationConfig::repetition_penalty`].
    repetition_penalty: f64, "a number";
    /// See [`GenerationConfig::encoder_repetition_penalty`].
    encoder_repetition_penalty: f64, "a number";
    /// See [`GenerationConfig::bad_words_ids`].
    bad_words_ids: Vec<Vec<u32>>, "a list of lists of token ids";
    /// See [`GenerationConfig::sequence_bias`].
    sequence_bias: Vec<(Vec<u32>, f32)>, "a list of pairs of token ids and a number";
    /// See [`GenerationConfig::suppress_tokens`].
    suppress_tokens: Vec<u32>, "a list of token ids";
    /// See [`GenerationConfig::begin_suppress_tokens`].
    begin_suppress_tokens: Vec<u32>, "a list of token ids";
    /// See [`GenerationConfig::exponential_decay_length_penalty`].
    exponential_decay_length_penalty: (usize, f64), "a list of an integer and a number";
    /// See [`GenerationConfig::renormalize_logits`].
    renormalize_logits: bool, "`true` or `false`";
}

/// One stop string, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StopStrings {
    /// A single text.
    One(String),
    /// Several texts.
    Several(Vec<String>),
}

impl StopStrings {
    /// Returns the texts.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        }
    }
}

/// The stopping condition of a beam search in transformers' values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EarlyStoppingSetting {
    /// `true` or `false`.
    WhenFull(bool),
    /// `"never"`.
    Named(EarlyStoppingName),
}

/// The named stopping condition of transformers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyStoppingName {
    /// See [`EarlyStopping::Never`].
    Never,
}

impl From<EarlyStoppingSetting> for EarlyStopping {
    fn from(setting: EarlyStoppingSetting) -> Self {
        match setting {
            EarlyStoppingSetting::WhenFull(true) => Self::WhenFull,
            EarlyStoppingSetting::WhenFull(false) => Self::Heuristic,
            EarlyStoppingSetting::Named(EarlyStoppingName::Never) => Self::Never,
        }
    }
}

impl From<EarlyStopping> for EarlyStoppingSetting {
    fn from(early_stopping: EarlyStopping) -> Self {
        match early_stopping {
            EarlyStopping::WhenFull => Self::WhenFull(true),
            EarlyStopping::Heuristic => Self::WhenFull(false),
            EarlyStopping::Never => Self::Named(EarlyStoppingName::Never),
        }
    }
}

impl GenerationSettings {
    /// Returns the options of generation. `stop_strings`, which require a tokenizer, are not among
    /// them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting that is out of range.
    pub fn to_config(&self) -> Result<GenerationConfig> {
        let default = GenerationConfig::default();
        let max_new_tokens = match (self.max_new_tokens, self.max_length) {
            (Some(max_new_tokens), _) => max_new_tokens,
            (None, Some(max_length)) => {
                let expected = "at least 2, because it counts the first input of the decoder";
                ConfigError::require(max_length > 1, "max_length", expected, &max_length)?;
                max_length - 1
            }
            (None, None) => default.max_new_tokens,
        };
        let min_length = self.min_length.map(|length| length.saturating_sub(1));
        let tokens = |tokens: &Option<EndTokens>| tokens.as_ref().map(EndTokens::to_vec);
        let config = GenerationConfig {
            max_new_tokens,
            min_new_tokens: self.min_new_tokens.or(min_length).unwrap_or(0),
            strategy: self.strategy(),
            num_return_sequences: self.num_return_sequences.unwrap_or(1),
            end_token_ids: tokens(&self.eos_token_id),
            decoder_start_token_id: self.decoder_start_token_id.or(self.bos_token_id),
            forced_bos_token_id: self.forced_bos_token_id,
            forced_eos_token_ids: tokens(&self.forced_eos_token_id).unwrap_or_default(),
            suppress_tokens: self.suppress_tokens.clone().unwrap_or_default(),
            begin_suppress_tokens: self.begin_suppress_tokens.clone().unwrap_or_default(),
            bad_words_ids: self.bad_words_ids.clone().unwrap_or_default(),
            sequence_bias: self.sequence_bias.clone().unwrap_or_default(),
            no_repeat_ngram_size: self.no_repeat_ngram_size.unwrap_or(0),
            encoder_no_repeat_ngram_size: self.encoder_no_repeat_ngram_size.unwrap_or(0),
            repetition_penalty: self.repetition_penalty.unwrap_or(1.0),
            encoder_repetition_penalty: self.encoder_repetition_penalty.unwrap_or(1.0),
            exponential_decay_length_penalty: self.exponential_decay_length_penalty,
            renormalize_logits: self.renormalize_logits.unwrap_or(false),
        };
        config.check()?;
        ConfigError::require(self.num_beams != Some(0), "num_beams", "positive", &0)?;
        Ok(config)
    }

    /// Returns the stop strings.
    pub fn stop_strings(&self) -> &[String] {
        self.stop_strings.as_ref().map(StopStrings::as_slice).unwrap_or_default()
    }

    fn strategy(&self) -> Strategy {
        let beam = self.num_beams.filter(|num_beams| *num_beams > 1).map(|num_beams| Beam {
            num_beams,
            length_penalty: self.length_penalty.unwrap_or(1.0),
            early_stopping: self.early_stopping.map(Into::into).unwrap_or_default(),
        });
        let is_on = |cutoff: &f64| *cutoff != 0.0;
        let sampling = (self.do_sample == Some(true)).then(|| Sampling {
            temperature: self.temperature.unwrap_or(1.0),
            top_h: self.top_h,
            top_k: self.top_k.filter(|top_k| *top_k > 0),
            top_p: self.top_p,
            min_p: self.min_p,
            typical_p: self.typical_p,
            epsilon_cutoff: self.epsilon_cutoff.filter(is_on),
            eta_cutoff: self.eta_cutoff.filter(is_on),
            seed: 0,
        });
        match (beam, sampling) {
            (None, None) => Strategy::Greedy,
            (Some(beam), None) => Strategy::Beam(beam),
            (None, Some(sampling)) => Strategy::Sample(sampling),
            (Some(beam), Some(sampling)) => Strategy::BeamSample { beam, sampling },
        }
    }
}
