use serde::{Deserialize, Serialize};

use crate::error::{ConfigError, Result};

/// Decoding strategy.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Strategy {
    /// The most probable token at each step.
    #[default]
    Greedy,
    /// Beam search.
    Beam(Beam),
    /// Random sampling.
    Sample(Sampling),
}

/// Beam search as transformers 5 defines it.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `num_beams` | `4` | Number of beams | > 0 |
/// | `length_penalty` | `1.0` | Exponent of the length that scores are divided by | finite |
/// | `early_stopping` | `Heuristic` | Stopping condition of the search | |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Beam {
    /// Number of beams.
    pub num_beams: usize,
    /// Exponent of the length that the sum of log-probabilities is divided by. Values above 0 favor
    /// longer texts.
    pub length_penalty: f64,
    /// Stopping condition of the search.
    pub early_stopping: EarlyStopping,
}

impl Default for Beam {
    fn default() -> Self {
        Self { num_beams: 4, length_penalty: 1.0, early_stopping: EarlyStopping::default() }
    }
}

/// Condition that stops a beam search before the maximum length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyStopping {
    /// No open beam, ended at its current length, would score above the worst finished text:
    /// `False` in transformers.
    #[default]
    Heuristic,
    /// There are as many finished texts as beams: `True` in transformers.
    WhenFull,
    /// No open beam can ever score above the worst finished text: `"never"` in transformers.
    Never,
}

/// Sampling from all tokens, the `top_k` most probable ones (Fan et al., 2018), or the smallest set
/// of total probability `top_p` (Holtzman et al., 2020).
///
/// Each row has its own random number generator: its text depends on its position in the batch, not
/// on the other rows.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `temperature` | `1.0` | Divisor of the logits | > 0 |
/// | `top_k` | `None` | Number of most probable tokens to sample from | > 0 |
/// | `top_p` | `None` | Total probability of the tokens to sample from | (0, 1] |
/// | `seed` | `0` | Seed of the random number generators | |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// Divisor of the logits. Values below 1 favor probable tokens.
    pub temperature: f64,
    /// Number of most probable tokens to sample from.
    pub top_k: Option<usize>,
    /// Total probability of the most probable tokens to sample from.
    pub top_p: Option<f64>,
    /// Seed of the random number generators.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: None, seed: 0 }
    }
}

/// Options of generation.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `max_new_tokens` | `64` | Maximum length, including the end token | > 0 |
/// | `strategy` | `Greedy` | Decoding strategy | |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GenerationConfig {
    /// Maximum number of tokens, including the end token.
    pub max_new_tokens: usize,
    /// Decoding strategy.
    pub strategy: Strategy,
}

impl Default for GenerationConfig {
    fn default() -> Self {
        Self { max_new_tokens: 64, strategy: Strategy::Greedy }
    }
}

impl GenerationConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] names the first field that is not.
    pub fn check(&self) -> Result<()> {
        let require = ConfigError::require;
        require(self.max_new_tokens > 0, "max_new_tokens", "positive", &self.max_new_tokens)?;
        match self.strategy {
            Strategy::Greedy => {}
            Strategy::Beam(beam) => {
                require(beam.num_beams > 0, "num_beams", "positive", &beam.num_beams)?;
                let penalty = beam.length_penalty;
                require(penalty.is_finite(), "length_penalty", "finite", &penalty)?;
            }
            Strategy::Sample(sampling) => {
                let temperature = sampling.temperature;
                require(
                    temperature.is_finite() && temperature > 0.0,
                    "temperature",
                    "positive",
                    &temperature,
                )?;
                if let Some(top_k) = sampling.top_k {
                    require(top_k > 0, "top_k", "positive", &top_k)?;
                }
                if let Some(top_p) = sampling.top_p {
                    require(top_p > 0.0 && top_p <= 1.0, "top_p", "in (0, 1]", &top_p)?;
                }
            }
        }
        Ok(())
    }
}
