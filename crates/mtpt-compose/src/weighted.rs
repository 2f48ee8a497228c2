use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::fold::{Fold, Own, Place};
use crate::{Error, MixtureWeights, Result};

/// A learned mean of the shared prompt and a task's own: `s P + (1 - s) T_k` with `s = sigmoid(w_k)`.
///
/// The weighted composition of the feature request `google-research/prompt-tuning#306`. A task's part starts as a copy of
/// the shared prompt, so that training starts there whatever the weight.
///
/// Shared: `L d`. Each task: `L d + 1`.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `initial_weight` | 0.5 | first `w_k`; the shared prompt's share is its sigmoid | -20 to 20 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeightedConfig {
    /// First `w_k`, before the sigmoid.
    pub initial_weight: f64,
}

/// What one task owns.
#[derive(Module, Debug)]
pub(crate) struct WeightedPart {
    /// `T_k`, `[prompt_length, d_model]`.
    prompt: Param<Tensor<2>>,
    /// `w_k`, `[1]`.
    weight: Param<Tensor<1>>,
}

/// Beyond this the sigmoid is 0 or 1 to the last bit of an `f32` and the weight could no longer learn.
const LARGEST_WEIGHT: f64 = 20.0;

impl Default for WeightedConfig {
    fn default() -> Self {
        Self { initial_weight: 0.5 }
    }
}

impl Fold for WeightedConfig {
    fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        if self.initial_weight.abs() <= LARGEST_WEIGHT {
            return Ok(());
        }
        Err(Error::OutOfRange {
            name: "initial_weight",
            lowest: -LARGEST_WEIGHT,
            highest: LARGEST_WEIGHT,
            found: self.initial_weight,
        })
    }

    fn own_numbers(&self, prompt_length: usize, d_model: usize) -> usize {
        prompt_length * d_model + 1
    }

    fn own(&self, place: &mut Place<'_, '_>) -> Result<Own> {
        let weight = Tensor::full([1], self.initial_weight, place.device());
        let prompt = place.copy();
        Ok(Own::Weighted(WeightedPart { prompt, weight: Param::from_tensor(weight) }))
    }
}

impl WeightedPart {
    /// `s P + (1 - s) T_k`
    pub(crate) fn fold(&self, above: Tensor<2>) -> Tensor<2> {
        let share = self.share();
        // T + s (P - T) is s P + (1 - s) T, and exactly P where both are equal.
        let own = self.prompt.val();
        (above - own.clone()) * share + own
    }

    /// By what the prompt is mixed.
    pub(crate) fn weights(&self) -> MixtureWeights {
        let share = self.share();
        MixtureWeights::of_two(Tensor::cat(vec![share.clone(), share.neg() + 1.0], 1))
    }

    /// `s`, `[1, 1]`.
    fn share(&self) -> Tensor<2> {
        activation::sigmoid(self.weight.val()).unsqueeze()
    }
}
