use burn::module::Param;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::init::PartInit;
use crate::strategy::{Size, Strategy, zero_parameter};

/// One independent prompt per task: `T_k`. It has no options.
///
/// Source: prompt tuning (Lester et al., 2021), for several tasks in one run. It is the baseline
/// for strategies that share parameters, the form of the teachers of multitask prompt tuning, and
/// the form that other compositions can be converted to
/// ([`Composition::to_separate`](crate::Composition::to_separate)). At a level of a tree, the part
/// is initialized from a copy of the parent prompt, which isn't used otherwise.
///
/// Shared: none. Each task: `L d`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeparateConfig {}

impl Strategy for SeparateConfig {
    /// `T_k`, `[prompt_length, d_model]`.
    type Part = Param<Tensor<2>>;

    fn parent_width(&self, _d_model: usize) -> usize {
        0
    }

    fn part_size(&self, prompt_length: Size, d_model: Size) -> Size {
        prompt_length * d_model
    }

    fn init(&self, init: &mut PartInit<'_, '_>) -> Result<Self::Part> {
        let [length, _] = init.dims();
        init.initial_values(length)
    }

    fn zeros(&self, dims: [usize; 2], device: &Device) -> Self::Part {
        zero_parameter(dims, device)
    }
}
