use burn::module::Param;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::init::PartInit;
use crate::strategy::{Size, Strategy, zero_parameter};

/// Adds a task-specific prompt to the shared prompt: `P + T_k`. It has no options.
///
/// Source: `AddMultiTaskPrompt` of `google-research/prompt-tuning`
/// (`prompt_tuning/extended/multitask_prompts.py`). `T_k` is initialized to zero, so training
/// starts at the shared prompt.
///
/// Shared: `L d`. Each task: `L d`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddConfig {}

impl Strategy for AddConfig {
    /// `T_k`, `[prompt_length, d_model]`.
    type Part = Param<Tensor<2>>;

    fn part_size(&self, prompt_length: Size, d_model: Size) -> Size {
        prompt_length * d_model
    }

    fn init(&self, init: &mut PartInit<'_, '_>) -> Result<Self::Part> {
        Ok(self.zeros(init.dims(), init.device()))
    }

    fn zeros(&self, dims: [usize; 2], device: &Device) -> Self::Part {
        zero_parameter(dims, device)
    }
}

/// `P + T_k`
pub(crate) fn forward(parent: Tensor<2>, summand: &Param<Tensor<2>>) -> Tensor<2> {
    parent + summand.val()
}
