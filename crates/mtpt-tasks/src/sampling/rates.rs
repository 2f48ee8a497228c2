use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::out_of_range::OutOfRange;
use crate::sampling::stochastic::StochasticTasks;

/// Mixing rates: how often each task's examples are sampled.
///
/// In TOML: `rates = "uniform"`, `rates = { proportional = { cap = 65536 } }`,
/// `rates = { temperature = { temperature = 2.0, cap = 65536 } }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Rates {
    /// Proportional to `min(examples, cap)` (Raffel et al. 2020, section 3.5.2,
    /// "examples-proportional mixing").
    Proportional {
        /// Limit on the number of examples of a task that count, at least 1; none by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap: Option<usize>,
    },
    /// Proportional to `min(examples, cap)` to the power of `1 / temperature` (Raffel et al. 2020,
    /// section 3.5.2, "temperature-scaled mixing"). A temperature of 1 is proportional mixing;
    /// larger temperatures approach equal mixing.
    Temperature {
        /// Temperature, greater than 0.
        temperature: f64,
        /// As in [`Proportional`](Self::Proportional).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap: Option<usize>,
    },
    /// Equal for all tasks (section 3.5.2, "equal mixing").
    Uniform,
}

impl Default for Rates {
    fn default() -> Self {
        Self::Proportional { cap: None }
    }
}

/// Configuration of a [`Mixture`](crate::Mixture).
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `rates` | `{ proportional = {} }` | mixing rates of the tasks, see [`Rates`] |
/// | `shuffle` | `true` | whether the order is shuffled by the seed, see [`Mixture`](crate::Mixture) |
/// | `stochastic` | | sampling of a few tasks per batch, see [`StochasticTasks`] |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MixtureConfig {
    /// Mixing rates of the tasks.
    pub rates: Rates,
    /// Whether the order is shuffled by the seed. Otherwise tasks are used in turn, and `rates` has
    /// no effect.
    pub shuffle: bool,
    /// Sampling of a few tasks per batch, instead of all tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stochastic: Option<StochasticTasks>,
}

impl Default for MixtureConfig {
    fn default() -> Self {
        Self { rates: Rates::default(), shuffle: true, stochastic: None }
    }
}

impl MixtureConfig {
    /// Returns the sampling weight of each task, relative to the largest.
    ///
    /// # Errors
    ///
    /// Returns [`OutOfRange`] for the temperature or the cap.
    pub fn weights(&self, sizes: &[usize]) -> Result<Vec<f64>> {
        let (temperature, cap) = match self.rates {
            Rates::Proportional { cap } => (1.0, cap),
            Rates::Temperature { temperature, cap } => (temperature, cap),
            Rates::Uniform => (f64::INFINITY, None),
        };
        if temperature.is_nan() || temperature <= 0.0 {
            let (option, expected) = ("temperature", "to be greater than 0");
            return Err(OutOfRange { option, expected, found: temperature }.into());
        }
        if cap == Some(0) {
            return Err(
                OutOfRange { option: "cap", expected: "to be at least 1", found: 0.0 }.into()
            );
        }
        let capped: Vec<f64> =
            sizes.iter().map(|&size| size.min(cap.unwrap_or(usize::MAX)) as f64).collect();
        // Divided by the largest first: the power cannot overflow, and underflows only at a tiny
        // temperature.
        let largest = capped.iter().copied().fold(1.0, f64::max);
        Ok(capped
            .iter()
            .map(|size| (size / largest).powf(temperature.recip()).max(f64::MIN_POSITIVE))
            .collect())
    }
}

/// Returns whether a number is a valid sampling weight.
pub(crate) fn is_weight(weight: f64) -> bool {
    weight.is_finite() && weight > 0.0
}
