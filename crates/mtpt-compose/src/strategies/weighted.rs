use std::num::Saturating;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::init::PartInit;
use crate::mixture_weights::MixtureWeights;
use crate::strategy::{Size, Strategy, zero_parameter};

/// A trained weighted mean of the shared and a task-specific prompt: `s P + (1 - s) T_k` with
/// `s = sigmoid(w_k)`.
///
/// Source: the weighted composition of the feature request `google-research/prompt-tuning#306`.
/// `T_k` is initialized from a copy of the shared prompt, so training starts at it for every
/// weight.
///
/// Shared: `L d`. Each task: `L d + 1`.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `initial_weight` | 0.5 | initial `w_k`, before the sigmoid | -20 to 20 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeightedConfig {
    /// Initial `w_k`, before the sigmoid.
    pub initial_weight: f64,
}

/// The part of one task or group.
#[derive(Module, Debug)]
pub(crate) struct WeightedPart {
    /// `T_k`, `[prompt_length, d_model]`.
    prompt: Param<Tensor<2>>,
    /// `w_k`, `[1]`.
    weight: Param<Tensor<1>>,
}

/// Upper limit of the magnitude. Beyond it, the sigmoid is 0 or 1 in `f32` and has no gradient.
const MAX_WEIGHT: f64 = 20.0;

impl Default for WeightedConfig {
    fn default() -> Self {
        Self { initial_weight: 0.5 }
    }
}

impl Strategy for WeightedConfig {
    type Part = WeightedPart;

    fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        if self.initial_weight.abs() <= MAX_WEIGHT {
            return Ok(());
        }
        Err(Error::OutOfRange {
            name: "initial_weight",
            lowest: -MAX_WEIGHT,
            highest: MAX_WEIGHT,
            found: self.initial_weight,
        })
    }

    fn part_size(&self, prompt_length: Size, d_model: Size) -> Size {
        prompt_length * d_model + Saturating(1)
    }

    fn init(&self, init: &mut PartInit<'_, '_>) -> Result<Self::Part> {
        let weight = Tensor::full([1], self.initial_weight, init.device());
        let prompt = init.copy_target();
        Ok(WeightedPart { prompt, weight: Param::from_tensor(weight) })
    }

    fn zeros(&self, dims: [usize; 2], device: &Device) -> Self::Part {
        WeightedPart { prompt: zero_parameter(dims, device), weight: zero_parameter([1], device) }
    }
}

impl WeightedPart {
    /// `s P + (1 - s) T_k`
    pub(crate) fn forward(&self, parent: Tensor<2>) -> Tensor<2> {
        // s P + (1 - s) T = T + s (P - T), which is exactly P if both are equal.
        let prompt = self.prompt.val();
        (parent - prompt.clone()) * self.parent_weight() + prompt
    }

    /// Returns the weights of the parent prompt and of `T_k`.
    pub(crate) fn mixture_weights(&self) -> MixtureWeights {
        let weight = self.parent_weight();
        MixtureWeights::parent_and_part(Tensor::cat(vec![weight.clone(), weight.neg() + 1.0], 1))
    }

    /// `s`, `[1, 1]`.
    fn parent_weight(&self) -> Tensor<2> {
        activation::sigmoid(self.weight.val()).unsqueeze()
    }
}
