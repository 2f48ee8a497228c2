use burn::module::Param;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::fold::{Fold, Own, Place};
use crate::range::check_count;

/// The shared prompt followed by a task's own: `[P ; T_k]` along the sequence.
///
/// `ConcatMultiTaskPrompt` of `google-research/prompt-tuning` (`prompt_tuning/extended/multitask_prompts.py`). The prompt
/// is longer than the shared one by `task_length`; a task's part has first values of its own.
///
/// Shared: `L d`. Each task: `L_t d`.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `task_length` | 10 | number of vectors of a task's own | 1 to 10,000 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConcatConfig {
    /// Number of vectors of a task's own.
    pub task_length: usize,
}

/// A length beyond which a prompt is surely a mistake: no encoder reads it in reasonable time.
const LONGEST: usize = 10_000;

impl Default for ConcatConfig {
    fn default() -> Self {
        Self { task_length: 10 }
    }
}

impl Fold for ConcatConfig {
    fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        check_count("task_length", self.task_length, LONGEST)
    }

    fn added_length(&self) -> usize {
        self.task_length
    }

    fn own_numbers(&self, _prompt_length: usize, d_model: usize) -> usize {
        self.task_length * d_model
    }

    fn own(&self, place: &mut Place<'_, '_>) -> Result<Own> {
        place.fresh(self.task_length).map(Own::Concat)
    }
}

/// `[P ; T_k]` along the sequence.
pub(crate) fn fold(above: Tensor<2>, own: &Param<Tensor<2>>) -> Tensor<2> {
    Tensor::cat(vec![above, own.val()], 0)
}
