use burn::linalg::svd;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::fold::{Fold, Own, Place};
use crate::range::check_count;
use crate::start::on;
use crate::uniform::uniform;

/// A narrow shared prompt that each task projects to the model's width: `P_s A_k + b_k`, `P_s` `[L, d_s]`, `A_k` `[d_s, d]`.
///
/// `ProjectMultiTaskPrompt` of `google-research/prompt-tuning` (`prompt_tuning/extended/multitask_prompts.py`). `P_s` and
/// `A_k` start as the factors of a singular value decomposition, so that training starts at the best approximation of the
/// shared prompt that has rank `d_s`: at that prompt itself where `d_s` is not below the smaller of `L` and `d`.
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

/// What one task owns.
#[derive(Module, Debug)]
pub(crate) struct Projection {
    /// `A_k`, `[shared_width, d_model]`.
    weight: Param<Tensor<2>>,
    /// `b_k`, `[d_model]`.
    bias: Param<Tensor<1>>,
}

const DEFAULT_WIDTH: usize = 64;

/// Most sweeps for each singular value; the decomposition of a prompt settles to single precision well before.
const SWEEPS: usize = 20;

impl ProjectConfig {
    fn width(&self, d_model: usize) -> usize {
        self.shared_width.unwrap_or(d_model.min(DEFAULT_WIDTH))
    }
}

impl Fold for ProjectConfig {
    fn check(&self, _prompt_length: usize, d_model: usize) -> Result<()> {
        check_count("shared_width", self.width(d_model), d_model)
    }

    fn width_above(&self, d_model: usize) -> usize {
        self.width(d_model)
    }

    fn shared(&self, prompt: Tensor<2>) -> Option<Tensor<2>> {
        let [length, d_model] = prompt.dims();
        let width = self.width(d_model);
        if width == d_model {
            return Some(prompt);
        }
        let (left, values, _) = svd::<2, 1>(prompt, SWEEPS);
        let rank = values.dims()[0].min(width);
        let narrow = (left * values.unsqueeze()).narrow(1, 0, rank);
        if rank == width {
            return Some(narrow);
        }
        let zeros = Tensor::zeros([length, width - rank], &narrow.device());
        Some(Tensor::cat(vec![narrow, zeros], 1))
    }

    fn own_numbers(&self, _prompt_length: usize, d_model: usize) -> usize {
        self.width(d_model) * d_model + d_model
    }

    fn own(&self, place: &mut Place<'_, '_>) -> Result<Own> {
        let [_, d_model] = place.dims();
        let weight = match place.above.clone() {
            Some(above) if above.dims()[1] < d_model => least_squares(above, place),
            _ => Tensor::eye(d_model, &place.target.device()),
        };
        let bias = Tensor::zeros([d_model], place.device());
        let weight = Param::from_tensor(on(place.device(), weight));
        Ok(Own::Project(Projection { weight, bias: Param::from_tensor(bias) }))
    }
}

/// Of the matrices that bring what is read of the prompt above closest to the prompt that training should start at, a small
/// one: its part that the prompt above says nothing of is drawn small, since zeros on both sides of a product would never
/// learn.
fn least_squares(above: Tensor<2>, place: &mut Place<'_, '_>) -> Tensor<2> {
    let [_, width] = above.dims();
    let [_, d_model] = place.dims();
    let bound = 1.0 / (d_model as f32).sqrt();
    let random = uniform(&mut *place.rng, [width, d_model], bound);
    let random = Tensor::<2>::from_data(random, &place.target.device());
    let (left, values, right) = svd::<2, 1>(above, SWEEPS);
    let largest = values.clone().max();
    // Directions below the precision of a float are noise, and their reciprocals would make it large.
    let noise = largest * (f32::EPSILON * width as f32);
    let known = values.clone().greater(noise);
    let reciprocal = values
        .mask_fill(known.clone().bool_not(), 1.0)
        .recip()
        .mask_fill(known.clone().bool_not(), 0.0);
    let right = right.transpose();
    let spanned = right.clone() * known.float().unsqueeze();
    let solved =
        (right * reciprocal.unsqueeze()).matmul(left.transpose()).matmul(place.target.clone());
    // The random matrix without what the prompt above would read of it.
    let unread = random.clone() - spanned.clone().matmul(spanned.transpose().matmul(random));
    solved + unread
}

impl Projection {
    /// `P_s A_k + b_k`
    pub(crate) fn fold(&self, above: Tensor<2>) -> Tensor<2> {
        above.matmul(self.weight.val()) + self.bias.val().unsqueeze()
    }
}
