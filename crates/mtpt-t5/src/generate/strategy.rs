use serde::{Deserialize, Serialize};

use crate::error::ConfigError;
use crate::generate::sequence_limit::{AT_MOST_SEQUENCES, MAX_SEQUENCES};

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
    /// Beam search whose continuations are sampled, without replacement.
    BeamSample {
        /// The search.
        beam: Beam,
        /// The distribution of the next token.
        sampling: Sampling,
    },
}

impl Strategy {
    /// Returns the beam search, if the strategy is one.
    pub fn beam(&self) -> Option<Beam> {
        match *self {
            Self::Beam(beam) | Self::BeamSample { beam, .. } => Some(beam),
            Self::Greedy | Self::Sample(_) => None,
        }
    }

    /// Returns the distribution that tokens are sampled from, if the strategy is random.
    pub fn sampling(&self) -> Option<Sampling> {
        match *self {
            Self::Sample(sampling) | Self::BeamSample { sampling, .. } => Some(sampling),
            Self::Greedy | Self::Beam(_) => None,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.beam().map_or(Ok(()), Beam::check)?;
        self.sampling().map_or(Ok(()), Sampling::check)
    }
}

/// Beam search as transformers 5 defines it.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `num_beams` | `4` | Number of beams | 1 to 4,096 |
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

impl Beam {
    fn check(self) -> Result<(), ConfigError> {
        let require = ConfigError::require;
        require(self.num_beams > 0, "num_beams", "positive", &self.num_beams)?;
        let is_possible = self.num_beams <= MAX_SEQUENCES;
        require(is_possible, "num_beams", AT_MOST_SEQUENCES, &self.num_beams)?;
        let penalty = self.length_penalty;
        require(penalty.is_finite(), "length_penalty", "finite", &penalty)
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

/// Sampling from all tokens or from the more probable ones.
///
/// The filters are applied in the order of this table, each to the tokens that the ones before it
/// kept, like in transformers.
///
/// Each sequence of a row has its own random number generator. A text depends on the seed and on
/// the position of the row in the input, not on the batch or on the other rows.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `temperature` | `1.0` | Divisor of the logits | > 0 |
/// | `top_h` | `None` | Fraction of the entropy to keep | (0, 1] |
/// | `top_k` | `None` | Number of most probable tokens to sample from | > 0 |
/// | `top_p` | `None` | Total probability of the tokens to sample from | (0, 1] |
/// | `min_p` | `None` | Minimum probability, relative to the most probable token | \[0, 1] |
/// | `typical_p` | `None` | Total probability of the most typical tokens | (0, 1] |
/// | `epsilon_cutoff` | `None` | Minimum probability | (0, 1) |
/// | `eta_cutoff` | `None` | Minimum probability, lower for distributions of high entropy | (0, 1) |
/// | `seed` | `0` | Seed of the random number generators | |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// Divisor of the logits. Values below 1 favor probable tokens.
    pub temperature: f64,
    /// Fraction of the distribution's entropy that the most probable tokens keep (Potraghloo et
    /// al., 2025).
    pub top_h: Option<f64>,
    /// Number of most probable tokens to sample from (Fan et al., 2018).
    pub top_k: Option<usize>,
    /// Total probability of the most probable tokens to sample from (Holtzman et al., 2020).
    pub top_p: Option<f64>,
    /// Minimum probability, as a fraction of that of the most probable token (Nguyen et al., 2024).
    pub min_p: Option<f64>,
    /// Total probability of the tokens whose information is closest to the entropy (Meister et al.,
    /// 2023).
    pub typical_p: Option<f64>,
    /// Minimum probability (Hewitt et al., 2022).
    pub epsilon_cutoff: Option<f64>,
    /// Minimum probability, scaled down for distributions of high entropy (Hewitt et al., 2022).
    pub eta_cutoff: Option<f64>,
    /// Seed of the random number generators.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_h: None,
            top_k: None,
            top_p: None,
            min_p: None,
            typical_p: None,
            epsilon_cutoff: None,
            eta_cutoff: None,
            seed: 0,
        }
    }
}

impl Sampling {
    fn check(self) -> Result<(), ConfigError> {
        let require = ConfigError::require;
        let temperature = self.temperature;
        let is_positive = temperature.is_finite() && temperature > 0.0;
        require(is_positive, "temperature", "positive", &temperature)?;
        if let Some(top_k) = self.top_k {
            require(top_k > 0, "top_k", "positive", &top_k)?;
        }
        for (field, value) in
            [("top_h", self.top_h), ("top_p", self.top_p), ("typical_p", self.typical_p)]
        {
            let value = value.unwrap_or(1.0);
            require(value > 0.0 && value <= 1.0, field, "in (0, 1]", &value)?;
        }
        let min_p = self.min_p.unwrap_or(0.0);
        require((0.0..=1.0).contains(&min_p), "min_p", "in [0, 1]", &min_p)?;
        for (field, value) in
            [("epsilon_cutoff", self.epsilon_cutoff), ("eta_cutoff", self.eta_cutoff)]
        {
            let value = value.unwrap_or(0.5);
            require(value > 0.0 && value < 1.0, field, "in (0, 1)", &value)?;
        }
        Ok(())
    }
}
