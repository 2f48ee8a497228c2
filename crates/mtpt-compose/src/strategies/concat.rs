use std::num::Saturating;

use burn::module::Param;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::init::PartInit;
use crate::range::check_count;
use crate::strategy::{Size, Strategy, zero_parameter};

/// Appends task-specific vectors to the shared prompt: `[P ; T_k]` along the sequence.
///
/// Source: `ConcatMultiTaskPrompt` of `google-research/prompt-tuning`
/// (`prompt_tuning/extended/multitask_prompts.py`). The prompt has `task_length` vectors more than
/// the shared prompt. `T_k` is initialized independently of the shared prompt.
///
/// Shared: `L d`. Each task: `L_t d`.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `task_length` | 10 | `L_t`, number of task-specific vectors | 1 to 10,000 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConcatConfig {
    /// Number of task-specific vectors.
    pub task_length: usize,
}

/// Upper limit of the length. No encoder processes longer prompts in reasonable time.
const MAX_LENGTH: usize = 10_000;

impl Default for ConcatConfig {
    fn default() -> Self {
        Self { task_length: 10 }
    }
}

impl Strategy for ConcatConfig {
    /// `T_k`, `[task_length, d_model]`.
    type Part = Param<Tensor<2>>;

    fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        check_count("task_length", self.task_length, MAX_LENGTH)
    }

    fn added_length(&self) -> usize {
        self.task_length
    }

    fn part_size(&self, _prompt_length: Size, d_model: Size) -> Size {
        Saturating(self.task_length) * d_model
    }

    fn init(&self, init: &mut PartInit<'_, '_>) -> Result<Self::Part> {
        init.initial_values(self.task_length)
    }

    fn zeros(&self, [_, d_model]: [usize; 2], device: &Device) -> Self::Part {
        zero_parameter([self.task_length, d_model], device)
    }
}

/// `[P ; T_k]` along the sequence.
pub(crate) fn forward(parent: Tensor<2>, vectors: &Param<Tensor<2>>) -> Tensor<2> {
    Tensor::cat(vec![parent, vectors.val()], 0)
}
