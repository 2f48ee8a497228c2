use std::num::Saturating;

use burn::linalg::svd;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::init::{PartInit, detached_on};
use crate::range::check_count;
use crate::strategy::{Size, Strategy, zero_parameter};
use crate::uniform::uniform;

/// Projects a narrow shared prompt to the model's width, per task: `P_s A_k + b_k`,
/// `P_s` `[L, d_s]`, `A_k` `[d_s, d]`.
///
/// Source: `ProjectMultiTaskPrompt` of `google-research/prompt-tuning`
/// (`prompt_tuning/extended/multitask_prompts.py`). `P_s` and `A_k` are initialized from a singular
/// value decomposition, so training starts at the best rank-`d_s` approximation of the shared
/// prompt, which is exact if `d_s` is at least the smaller of `L` and `d`.
///
/// Shared: `L d_s`. Each task: `d_s d + d`.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `shared_width` | the smaller of 64 and `d_model` | `d_s`, width of the shared prompt | 1 to `d_model` |
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectConfig {
    /// Width of the shared prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_width: Option<usize>,
}

/// The part of one task or group.
#[derive(Module, Debug)]
pub(crate) struct Projection {
    /// `A_k`, `[shared_width, d_model]`.
    weight: Param<Tensor<2>>,
    /// `b_k`, `[d_model]`.
    bias: Param<Tensor<1>>,
}

const DEFAULT_WIDTH: usize = 64;

/// Maximum sweeps per singular value. A prompt converges to single precision well before.
const MAX_SWEEPS: usize = 20;

impl ProjectConfig {
    fn width(&self, d_model: usize) -> usize {
        self.shared_width.unwrap_or(d_model.min(DEFAULT_WIDTH))
    }
}

impl Strategy for ProjectConfig {
    type Part = Projection;

    fn check(&self, _prompt_length: usize, d_model: usize) -> Result<()> {
        check_count("shared_width", self.width(d_model), d_model)
    }

    fn parent_width(&self, d_model: usize) -> usize {
        self.width(d_model)
    }

    fn init_shared(&self, prompt: Tensor<2>) -> Option<Tensor<2>> {
        let [length, d_model] = prompt.dims();
        let width = self.width(d_model);
        if width == d_model {
            return Some(prompt);
        }
        let (left, values, _) = svd::<2, 1>(prompt, MAX_SWEEPS);
        let rank = values.dims()[0].min(width);
        let narrow = (left * values.unsqueeze()).narrow(1, 0, rank);
        if rank == width {
            return Some(narrow);
        }
        let zeros = Tensor::zeros([length, width - rank], &narrow.device());
        Some(Tensor::cat(vec![narrow, zeros], 1))
    }

    fn part_size(&self, _prompt_length: Size, d_model: Size) -> Size {
        Saturating(self.width(d_model.0)) * d_model + d_model
    }

    fn init(&self, init: &mut PartInit<'_, '_>) -> Result<Self::Part> {
        let [_, d_model] = init.dims();
        let weight = match init.parent.clone() {
            Some(parent) if parent.dims()[1] < d_model => least_squares(parent, init),
            _ => Tensor::eye(d_model, &init.target.device()),
        };
        let bias = Tensor::zeros([d_model], init.device());
        let weight = Param::from_tensor(detached_on(init.device(), weight));
        Ok(Projection { weight, bias: Param::from_tensor(bias) })
    }

    fn zeros(&self, [_, d_model]: [usize; 2], device: &Device) -> Self::Part {
        Projection {
            weight: zero_parameter([self.width(d_model), d_model], device),
            bias: zero_parameter([d_model], device),
        }
    }
}

/// Solves `parent * A = target` for `A` in the least squares sense.
///
/// In the null space of `parent`, `A` is small and random: if both factors of a product were zero,
/// their gradients would be zero forever.
fn least_squares(parent: Tensor<2>, init: &mut PartInit<'_, '_>) -> Tensor<2> {
    let [_, width] = parent.dims();
    let [_, d_model] = init.dims();
    let bound = 1.0 / (d_model as f32).sqrt();
    let random = uniform(&mut *init.rng, [width, d_model], bound);
    let random = Tensor::<2>::from_data(random, &init.target.device());
    let (left, values, right) = svd::<2, 1>(parent, MAX_SWEEPS);
    let largest = values.clone().max();
    // Smaller singular values are rounding noise, which their reciprocals would amplify.
    let noise = largest * (f32::EPSILON * width as f32);
    let known = values.clone().greater(noise);
    let reciprocal = values
        .mask_fill(known.clone().bool_not(), 1.0)
        .recip()
        .mask_fill(known.clone().bool_not(), 0.0);
    let right = right.transpose();
    let spanned = right.clone() * known.float().unsqueeze();
    let solved =
        (right * reciprocal.unsqueeze()).matmul(left.transpose()).matmul(init.target.clone());
    // Removes the components of the random matrix that `parent` would multiply.
    let null_space = random.clone() - spanned.clone().matmul(spanned.transpose().matmul(random));
    solved + null_space
}

impl Projection {
    /// `P_s A_k + b_k`
    pub(crate) fn forward(&self, parent: Tensor<2>) -> Tensor<2> {
        parent.matmul(self.weight.val()) + self.bias.val().unsqueeze()
    }
}
