use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::out_of_range::OutOfRange;
use crate::sampling::stochastic::StochasticTasks;

/// How often each task's rows stand in batches.
///
/// In TOML: `rates = "uniform"`, `rates = { proportional = { cap = 65536 } }`,
/// `rates = { temperature = { temperature = 2.0, cap = 65536 } }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Rates {
    /// In proportion to `min(rows, cap)` (Raffel et al. 2020, section 3.5.2, "examples-proportional
    /// mixing").
    Proportional {
        /// Number of rows from which on a task counts as no larger, at least 1. Without one, there
        /// is no such number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap: Option<usize>,
    },
    /// In proportion to `min(rows, cap)` to the power of `1 / temperature` (Raffel et al. 2020,
    /// section 3.5.2, "temperature-scaled mixing"): 1 is proportional, and the larger, the more
    /// alike are all tasks.
    Temperature {
        /// Greater than 0.
        temperature: f64,
        /// As in [`Proportional`](Self::Proportional).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap: Option<usize>,
    },
    /// All alike (section 3.5.2, "equal mixing").
    Uniform,
}

impl Default for Rates {
    fn default() -> Self {
        Self::Proportional { cap: None }
    }
}

/// How tasks are mixed.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `rates` | `{ proportional = {} }` | how often each task occurs, see [`Rates`] |
/// | `shuffle` | `true` | whether order is drawn by the seed, see [`Mixture`](crate::Mixture) |
/// | `stochastic` | | batches of a few tasks each, see [`StochasticTasks`] |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MixtureConfig {
    /// How often each task occurs.
    pub rates: Rates,
    /// Whether order is drawn by the seed. If not, tasks take turns, and `rates` has no effect.
    pub shuffle: bool,
    /// Batches of a few tasks each, instead of all tasks in every batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stochastic: Option<StochasticTasks>,
}

impl Default for MixtureConfig {
    fn default() -> Self {
        Self { rates: Rates::default(), shuffle: true, stochastic: None }
    }
}

impl MixtureConfig {
    /// How often each task occurs, up to a common factor: the largest is 1.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] for a temperature or a cap.
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
        // The power of a quotient: it neither overflows nor, but for a tiny temperature, vanishes.
        let largest = capped.iter().copied().fold(1.0, f64::max);
        Ok(capped
            .iter()
            .map(|size| (size / largest).powf(temperature.recip()).max(f64::MIN_POSITIVE))
            .collect())
    }
}

/// Whether a number can say how often something occurs.
pub(crate) fn is_weight(weight: f64) -> bool {
    weight.is_finite() && weight > 0.0
}
