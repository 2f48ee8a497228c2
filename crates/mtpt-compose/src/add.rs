use burn::module::Param;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::fold::{Fold, Own, Place};

/// The shared prompt plus a task's own: `P + T_k`. There is nothing to choose.
///
/// `AddMultiTaskPrompt` of `google-research/prompt-tuning` (`prompt_tuning/extended/multitask_prompts.py`). A task's part
/// starts at zero, so that training starts at the shared prompt.
///
/// Shared: `L d`. Each task: `L d`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddConfig {}

impl Fold for AddConfig {
    fn own_numbers(&self, prompt_length: usize, d_model: usize) -> usize {
        prompt_length * d_model
    }

    fn own(&self, place: &mut Place<'_, '_>) -> Result<Own> {
        Ok(Own::Add(Param::from_tensor(Tensor::zeros(place.dims(), place.device()))))
    }
}

/// `P + T_k`
pub(crate) fn fold(above: Tensor<2>, own: &Param<Tensor<2>>) -> Tensor<2> {
    above + own.val()
}
