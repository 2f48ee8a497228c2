use serde::{Deserialize, Serialize, Serializer};

use crate::config::error::ConfigError;
use crate::config::range::{above_zero, below_one, not_negative, positive};
use crate::error::Result;

/// The optimizer of a run: `kind = "adamw"`, the default, or `kind = "adafactor"`.
///
/// The keys next to `kind` are those of [`AdamWConfig`] or [`AdafactorConfig`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", try_from = "OptimizerTable")]
#[non_exhaustive]
pub enum OptimizerConfig {
    /// AdamW.
    AdamW(AdamWConfig),
    /// Adafactor as implemented in T5X.
    Adafactor(AdafactorConfig),
}

/// AdamW (Loshchilov and Hutter, 2019) with PyTorch's defaults, a weight decay of 1e-5, and
/// clipping by the global norm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AdamWConfig {
    /// Decay of the mean of gradients.
    ///
    /// Default: 0.9; range: `[0, 1)`.
    pub beta_1: f32,
    /// Decay of the mean of squared gradients.
    ///
    /// Default: 0.999; range: `[0, 1)`.
    pub beta_2: f32,
    /// Added to the denominator.
    ///
    /// Default: 1e-8; range: above 0.
    pub epsilon: f32,
    /// Fraction of each parameter subtracted by a step with learning rate 1.
    ///
    /// Default: 1e-5; range: from 0.
    pub weight_decay: f32,
    /// Maximum global norm of the gradient; `inf` disables clipping.
    ///
    /// Default: 1.0; range: above 0.
    #[serde(serialize_with = "or_infinity")]
    pub clip_norm: Option<f64>,
}

/// Adafactor (Shazeer and Stern, 2018) with the settings for prompts in T5X (Lester et al., 2021):
/// an unscaled learning rate, a decay rate of 0.8 and a weight decay of 1e-5.
/// [`Adafactor`](crate::Adafactor) has the equations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AdafactorConfig {
    /// Exponent of the decay of the second moment.
    ///
    /// Default: 0.8; range: `[0, 1]`.
    pub decay_rate: f32,
    /// Offset of the step count: T5X continues counting from the model's pretraining, such as
    /// 1,100,000.
    ///
    /// Default: 0.
    pub steps_before: usize,
    /// Whether the learning rate is multiplied by the parameter's root mean square.
    ///
    /// Default: `false`.
    pub multiply_by_parameter_scale: bool,
    /// Whether the second moment of large parameters is stored as means of rows and columns.
    ///
    /// Default: `true`.
    pub factored: bool,
    /// Minimum size of both dimensions for that.
    ///
    /// Default: 128; range: from 1.
    pub min_dim_size_to_factor: usize,
    /// Maximum root mean square of a parameter's update, before the learning rate; `inf` disables
    /// clipping.
    ///
    /// Default: 1.0; range: above 0.
    pub clipping_threshold: f32,
    /// Decay of the mean of updates; none disables momentum.
    ///
    /// Default: none; range: `[0, 1)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_1: Option<f32>,
    /// Fraction of each parameter subtracted by a step, independent of the learning rate.
    ///
    /// Default: 1e-5; range: from 0.
    pub weight_decay: f32,
    /// Exponent of the learning rate that the weight decay is multiplied by; 1 as in AdamW.
    ///
    /// Default: 0; range: from 0.
    pub weight_decay_rate_exponent: f32,
    /// Added to the squares of gradients.
    ///
    /// Default: 1e-30; range: above 0.
    pub epsilon_1: f32,
    /// Minimum root mean square of a parameter as a factor of the learning rate.
    ///
    /// Default: 1e-3; range: above 0.
    pub epsilon_2: f32,
    /// Maximum global norm of the gradient.
    ///
    /// Default: none; range: above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::AdamW(AdamWConfig::default())
    }
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, weight_decay: 1e-5, clip_norm: Some(1.0) }
    }
}

impl Default for AdafactorConfig {
    fn default() -> Self {
        Self {
            decay_rate: 0.8,
            steps_before: 0,
            multiply_by_parameter_scale: false,
            factored: true,
            min_dim_size_to_factor: 128,
            clipping_threshold: 1.0,
            beta_1: None,
            weight_decay: 1e-5,
            weight_decay_rate_exponent: 0.0,
            epsilon_1: 1e-30,
            epsilon_2: 1e-3,
            clip_norm: None,
        }
    }
}

impl From<AdamWConfig> for OptimizerConfig {
    fn from(config: AdamWConfig) -> Self {
        Self::AdamW(config)
    }
}

impl From<AdafactorConfig> for OptimizerConfig {
    fn from(config: AdafactorConfig) -> Self {
        Self::Adafactor(config)
    }
}

impl OptimizerConfig {
    /// Returns the maximum global norm of the gradient.
    pub fn clip_norm(&self) -> Option<f64> {
        match self {
            Self::AdamW(config) => config.clip_norm,
            Self::Adafactor(config) => config.clip_norm,
        }
    }

    /// Sets the weight decay.
    #[must_use]
    pub fn with_weight_decay(self, weight_decay: f32) -> Self {
        match self {
            Self::AdamW(config) => AdamWConfig { weight_decay, ..config }.into(),
            Self::Adafactor(config) => AdafactorConfig { weight_decay, ..config }.into(),
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`](crate::ConfigError::OutOfRange).
    pub fn check(&self) -> Result<()> {
        match self {
            Self::AdamW(config) => {
                positive("training.optimizer.epsilon", config.epsilon.into())?;
                below_one("training.optimizer.beta_1", config.beta_1)?;
                below_one("training.optimizer.beta_2", config.beta_2)?;
                not_negative("training.optimizer.weight_decay", config.weight_decay)?;
            }
            Self::Adafactor(config) => {
                let (option, found) = ("training.optimizer.decay_rate", config.decay_rate);
                if !(0.0..=1.0).contains(&found) {
                    let expected = "at least 0 and at most 1";
                    return Err(
                        ConfigError::OutOfRange { option, expected, found: found.into() }.into()
                    );
                }
                if config.min_dim_size_to_factor == 0 {
                    let option = "training.optimizer.min_dim_size_to_factor";
                    return Err(ConfigError::OutOfRange {
                        option,
                        expected: "at least 1",
                        found: 0.0,
                    }
                    .into());
                }
                let threshold = config.clipping_threshold;
                above_zero("training.optimizer.clipping_threshold", threshold.into())?;
                below_one("training.optimizer.beta_1", config.beta_1.unwrap_or(0.0))?;
                not_negative("training.optimizer.weight_decay", config.weight_decay)?;
                let exponent = config.weight_decay_rate_exponent;
                not_negative("training.optimizer.weight_decay_rate_exponent", exponent)?;
                positive("training.optimizer.epsilon_1", config.epsilon_1.into())?;
                positive("training.optimizer.epsilon_2", config.epsilon_2.into())?;
            }
        }
        above_zero("training.optimizer.clip_norm", self.clip_norm().unwrap_or(1.0))
    }
}

/// TOML has no null to express that there is no limit if the default is one.
fn or_infinity<S: Serializer>(limit: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    limit.unwrap_or(f64::INFINITY).serialize(serializer)
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    AdamW,
    Adafactor,
}

/// The table with the keys of every kind, so that serde reports each unknown key with its line.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OptimizerTable {
    kind: Kind,
    beta_1: Option<f32>,
    weight_decay: Option<f32>,
    clip_norm: Option<f64>,
    beta_2: Option<f32>,
    epsilon: Option<f32>,
    decay_rate: Option<f32>,
    steps_before: Option<usize>,
    multiply_by_parameter_scale: Option<bool>,
    factored: Option<bool>,
    min_dim_size_to_factor: Option<usize>,
    clipping_threshold: Option<f32>,
    weight_decay_rate_exponent: Option<f32>,
    epsilon_1: Option<f32>,
    epsilon_2: Option<f32>,
}

impl OptimizerTable {
    /// Rejects keys of the other kind.
    fn check(&self) -> Result<(), String> {
        let of_adamw = [("beta_2", self.beta_2.is_some()), ("epsilon", self.epsilon.is_some())];
        let of_adafactor = [
            ("decay_rate", self.decay_rate.is_some()),
            ("steps_before", self.steps_before.is_some()),
            ("multiply_by_parameter_scale", self.multiply_by_parameter_scale.is_some()),
            ("factored", self.factored.is_some()),
            ("min_dim_size_to_factor", self.min_dim_size_to_factor.is_some()),
            ("clipping_threshold", self.clipping_threshold.is_some()),
            ("weight_decay_rate_exponent", self.weight_decay_rate_exponent.is_some()),
            ("epsilon_1", self.epsilon_1.is_some()),
            ("epsilon_2", self.epsilon_2.is_some()),
        ];
        let (kind, other, foreign) = match self.kind {
            Kind::AdamW => ("adamw", "adafactor", &of_adafactor[..]),
            Kind::Adafactor => ("adafactor", "adamw", &of_adamw[..]),
        };
        match foreign.iter().find(|(_, given)| *given) {
            Some((key, _)) => Err(format!(
                "`{key}` is a key of the optimizer `{other}`, found next to `kind = \"{kind}\"`"
            )),
            None => Ok(()),
        }
    }
}

impl TryFrom<OptimizerTable> for OptimizerConfig {
    type Error = String;

    fn try_from(table: OptimizerTable) -> Result<Self, String> {
        table.check()?;
        let finite = |limit: f64| limit != f64::INFINITY;
        Ok(match table.kind {
            Kind::AdamW => {
                let default = AdamWConfig::default();
                Self::AdamW(AdamWConfig {
                    beta_1: table.beta_1.unwrap_or(default.beta_1),
                    beta_2: table.beta_2.unwrap_or(default.beta_2),
                    epsilon: table.epsilon.unwrap_or(default.epsilon),
                    weight_decay: table.weight_decay.unwrap_or(default.weight_decay),
                    clip_norm: table.clip_norm.or(default.clip_norm).filter(|&it| finite(it)),
                })
            }
            Kind::Adafactor => {
                let default = AdafactorConfig::default();
                Self::Adafactor(AdafactorConfig {
                    decay_rate: table.decay_rate.unwrap_or(default.decay_rate),
                    steps_before: table.steps_before.unwrap_or(default.steps_before),
                    multiply_by_parameter_scale: table
                        .multiply_by_parameter_scale
                        .unwrap_or(default.multiply_by_parameter_scale),
                    factored: table.factored.unwrap_or(default.factored),
                    min_dim_size_to_factor: table
                        .min_dim_size_to_factor
                        .unwrap_or(default.min_dim_size_to_factor),
                    clipping_threshold: table
                        .clipping_threshold
                        .unwrap_or(default.clipping_threshold),
                    beta_1: table.beta_1,
                    weight_decay: table.weight_decay.unwrap_or(default.weight_decay),
                    weight_decay_rate_exponent: table
                        .weight_decay_rate_exponent
                        .unwrap_or(default.weight_decay_rate_exponent),
                    epsilon_1: table.epsilon_1.unwrap_or(default.epsilon_1),
                    epsilon_2: table.epsilon_2.unwrap_or(default.epsilon_2),
                    clip_norm: table.clip_norm.filter(|&it| finite(it)),
                })
            }
        })
    }
}
