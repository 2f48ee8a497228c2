use std::num::Saturating;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::init::PartInit;
use crate::range::check_count;
use crate::strategy::{Size, Strategy, zero_parameter};

/// Multiplies the shared prompt elementwise by a task-specific low-rank matrix: `P ∘ (U_k V_k)`.
///
/// Source: multitask prompt tuning (Wang et al., 2023, section 3.1), with rank 1; PEFT supports
/// higher ranks. The matrix is initialized to ones, so training starts at the shared prompt. PEFT
/// samples both factors from `N(0, 0.02)`, so its prompts start at about 4e-4 of the shared prompt.
///
/// Shared: `L d`. Each task: `r (L + d)`.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `rank` | 1 | `r`, rank of the matrix | 1 to the smaller of prompt length and `d_model` |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LowRankConfig {
    /// Rank of the task-specific matrix.
    pub rank: usize,
}

/// The factors of one task or group.
#[derive(Module, Debug)]
pub(crate) struct Factors {
    /// `U_k`, `[prompt_length, rank]`.
    left: Param<Tensor<2>>,
    /// `V_k`, `[rank, d_model]`.
    right: Param<Tensor<2>>,
}

impl Default for LowRankConfig {
    fn default() -> Self {
        Self { rank: 1 }
    }
}

impl Strategy for LowRankConfig {
    type Part = Factors;

    fn check(&self, prompt_length: usize, d_model: usize) -> Result<()> {
        check_count("rank", self.rank, prompt_length.min(d_model))
    }

    fn part_size(&self, prompt_length: Size, d_model: Size) -> Size {
        Saturating(self.rank) * (prompt_length + d_model)
    }

    /// Initializes the factors so that every element of their product is exactly 1.
    ///
    /// The first column of `U` and the first row of `V` are ones. The other columns of `U` are
    /// random and the other rows of `V` zero, as in LoRA: if all columns were equal, their
    /// gradients would be too, and the rank would stay 1.
    fn init(&self, init: &mut PartInit<'_, '_>) -> Result<Self::Part> {
        let ([length, d_model], rank) = (init.dims(), self.rank);
        let left: Vec<f32> = (0..length * rank)
            .map(|index| if index % rank == 0 { 1.0 } else { init.rng.random_range(-1.0..1.0) })
            .collect();
        let right: Vec<f32> =
            (0..rank * d_model).map(|index| if index < d_model { 1.0 } else { 0.0 }).collect();
        let matrix = |values, shape: [usize; 2]| {
            Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), init.device()))
        };
        let (left, right) = (matrix(left, [length, rank]), matrix(right, [rank, d_model]));
        Ok(Factors { left, right })
    }

    fn zeros(&self, [length, d_model]: [usize; 2], device: &Device) -> Self::Part {
        Factors {
            left: zero_parameter([length, self.rank], device),
            right: zero_parameter([self.rank, d_model], device),
        }
    }
}

impl Factors {
    /// `P ∘ (U_k V_k)`
    pub(crate) fn forward(&self, parent: Tensor<2>) -> Tensor<2> {
        parent * self.left.val().matmul(self.right.val())
    }
}
