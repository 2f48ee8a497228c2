use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::fold::{Fold, Own, Place};
use crate::range::check_count;

/// The shared prompt times a task's low-rank matrix, element by element: `P ∘ (U_k V_k)`.
///
/// Multitask prompt tuning (Wang et al., 2023, section 3.1), where the rank is 1; PEFT has the ranks above. The matrix
/// starts at ones, so that training starts at the shared prompt. PEFT draws both factors from `N(0, 0.02)`, which starts
/// every prompt at about 4e-4 of the shared one.
///
/// Shared: `L d`. Each task: `r (L + d)`.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `rank` | 1 | rank of a task's matrix | 1 to the smaller of prompt length and `d_model` |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LowRankConfig {
    /// Rank of a task's matrix.
    pub rank: usize,
}

/// The factors of one task.
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

impl Fold for LowRankConfig {
    fn check(&self, prompt_length: usize, d_model: usize) -> Result<()> {
        check_count("rank", self.rank, prompt_length.min(d_model))
    }

    fn own_numbers(&self, prompt_length: usize, d_model: usize) -> usize {
        self.rank * (prompt_length + d_model)
    }

    /// Factors whose product is exactly one everywhere.
    ///
    /// The first column times the first row is all ones. Further columns of `U` are random and their rows of `V` zero, as
    /// in LoRA: were they alike, their gradients would be too, and the rank would stay 1 for ever.
    fn own(&self, place: &mut Place<'_, '_>) -> Result<Own> {
        let ([length, d_model], rank) = (place.dims(), self.rank);
        let left: Vec<f32> = (0..length * rank)
            .map(|index| if index % rank == 0 { 1.0 } else { place.rng.random_range(-1.0..1.0) })
            .collect();
        let right: Vec<f32> =
            (0..rank * d_model).map(|index| if index < d_model { 1.0 } else { 0.0 }).collect();
        let matrix = |values, shape: [usize; 2]| {
            Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), place.device()))
        };
        let (left, right) = (matrix(left, [length, rank]), matrix(right, [rank, d_model]));
        Ok(Own::LowRank(Factors { left, right }))
    }
}

impl Factors {
    /// `P ∘ (U_k V_k)`
    pub(crate) fn fold(&self, above: Tensor<2>) -> Tensor<2> {
        above * self.left.val().matmul(self.right.val())
    }
}
