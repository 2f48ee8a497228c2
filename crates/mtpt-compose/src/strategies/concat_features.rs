use std::num::Saturating;

use burn::module::Param;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::init::{PartInit, detached_on};
use crate::range::check_count;
use crate::strategy::{Size, Strategy, zero_parameter};

/// Appends task-specific features to each vector of the shared prompt: `[P_s ; T_k]` along the
/// features, `P_s` `[L, d - d_t]`, `T_k` `[L, d_t]`.
///
/// Source: `ConcatFeaturesMultiTaskPrompt` of `google-research/prompt-tuning`
/// (`prompt_tuning/extended/multitask_prompts.py`). `P_s` and `T_k` are initialized from the first
/// and last features of the shared prompt, so training starts at it.
///
/// Shared: `L (d - d_t)`. Each task: `L d_t`.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `task_width` | a quarter of `d_model` | `d_t`, number of task-specific features | 1 to `d_model - 1` |
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConcatFeaturesConfig {
    /// Number of task-specific features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_width: Option<usize>,
}

impl ConcatFeaturesConfig {
    fn width(&self, d_model: usize) -> usize {
        self.task_width.unwrap_or((d_model / 4).max(1))
    }
}

impl Strategy for ConcatFeaturesConfig {
    /// `T_k`, `[prompt_length, task_width]`.
    type Part = Param<Tensor<2>>;

    fn check(&self, _prompt_length: usize, d_model: usize) -> Result<()> {
        check_count("task_width", self.width(d_model), d_model.saturating_sub(1))
    }

    fn parent_width(&self, d_model: usize) -> usize {
        d_model.saturating_sub(self.width(d_model))
    }

    fn part_size(&self, prompt_length: Size, d_model: Size) -> Size {
        prompt_length * Saturating(self.width(d_model.0))
    }

    fn init(&self, init: &mut PartInit<'_, '_>) -> Result<Self::Part> {
        let [_, d_model] = init.dims();
        let width = self.width(d_model);
        let features = init.target.clone().narrow(1, d_model - width, width);
        Ok(Param::from_tensor(detached_on(init.device(), features)))
    }

    fn zeros(&self, [length, d_model]: [usize; 2], device: &Device) -> Self::Part {
        zero_parameter([length, self.width(d_model)], device)
    }
}

/// `[P_s ; T_k]` along the features.
pub(crate) fn forward(parent: Tensor<2>, features: &Param<Tensor<2>>) -> Tensor<2> {
    Tensor::cat(vec![parent, features.val()], 1)
}
