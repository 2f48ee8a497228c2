use burn::module::Param;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::fold::{Fold, Own, Place};
use crate::range::check_count;
use crate::start::on;

/// A shared prompt's features followed by a task's own: `[P_s ; T_k]` along the width, `P_s` `[L, d - d_t]`, `T_k` `[L, d_t]`.
///
/// `ConcatFeaturesMultiTaskPrompt` of `google-research/prompt-tuning` (`prompt_tuning/extended/multitask_prompts.py`). The
/// two parts start as the two sides of one prompt, so that training starts there.
///
/// Shared: `L (d - d_t)`. Each task: `L d_t`.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `task_width` | a quarter of `d_model` | `d_t`, number of features of a task's own | 1 to `d_model - 1` |
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConcatFeaturesConfig {
    /// Number of features of a task's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_width: Option<usize>,
}

impl ConcatFeaturesConfig {
    fn width(&self, d_model: usize) -> usize {
        self.task_width.unwrap_or((d_model / 4).max(1))
    }
}

impl Fold for ConcatFeaturesConfig {
    fn check(&self, _prompt_length: usize, d_model: usize) -> Result<()> {
        check_count("task_width", self.width(d_model), d_model.saturating_sub(1))
    }

    fn width_above(&self, d_model: usize) -> usize {
        d_model - self.width(d_model)
    }

    fn own_numbers(&self, prompt_length: usize, d_model: usize) -> usize {
        prompt_length * self.width(d_model)
    }

    fn own(&self, place: &mut Place<'_, '_>) -> Result<Own> {
        let width = self.width(place.dims()[1]);
        let side = place.target.clone().narrow(1, place.dims()[1] - width, width);
        Ok(Own::ConcatFeatures(Param::from_tensor(on(place.device(), side))))
    }
}

/// `[P_s ; T_k]` along the width.
pub(crate) fn fold(above: Tensor<2>, own: &Param<Tensor<2>>) -> Tensor<2> {
    Tensor::cat(vec![above, own.val()], 1)
}
