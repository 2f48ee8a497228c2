use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use mtpt_core::{Compose, TaskIndex};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{ParameterCount, Result, Start, range::check_count};

/// Configuration of [`LowRank`].
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

/// The shared prompt times a task's low-rank matrix, element by element: `P ∘ (U_k V_k)`.
///
/// Multitask prompt tuning (Wang et al., 2023, section 3.1), where the rank is 1; PEFT has the ranks above. The matrix
/// starts at ones, so that training starts at the shared prompt. PEFT draws both factors from `N(0, 0.02)`, which starts
/// every prompt at about 4e-4 of the shared one.
#[derive(Module, Debug)]
pub struct LowRank {
    shared: Param<Tensor<2>>,
    tasks: Vec<Factors>,
}

/// The factors of one task.
#[derive(Module, Debug)]
struct Factors {
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

impl LowRankConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`](crate::Error::OutOfRange), when the rank is 0 or above what a matrix of this shape can have.
    pub fn check(&self, prompt_length: usize, d_model: usize) -> Result<()> {
        check_count("rank", self.rank, prompt_length.min(d_model))
    }

    /// Shared: `L d`. Each task: `r (L + d)`.
    pub fn parameter_count(&self, prompt_length: usize, d_model: usize) -> ParameterCount {
        ParameterCount {
            shared: prompt_length * d_model,
            task: self.rank * (prompt_length + d_model),
        }
    }

    /// Makes the composition.
    ///
    /// # Errors
    ///
    /// When the configuration is out of range or there is no task.
    pub fn init(&self, start: &Start<'_>) -> Result<LowRank> {
        self.check(start.length(), start.d_model())?;
        let mut rng = ChaCha8Rng::seed_from_u64(start.seed);
        let tasks = start.each_task(|_| Ok(self.factors(start, &mut rng)))?;
        Ok(LowRank { shared: Param::from_tensor(start.shared_part()), tasks })
    }

    /// Factors whose product is exactly one everywhere.
    ///
    /// The first column times the first row is all ones. Further columns of `U` are random and their rows of `V` zero, as
    /// in LoRA: were they alike, their gradients would be too, and the rank would stay 1 for ever.
    fn factors(&self, start: &Start<'_>, rng: &mut ChaCha8Rng) -> Factors {
        let (length, d_model, rank) = (start.length(), start.d_model(), self.rank);
        let left = (0..length * rank)
            .map(|index| if index % rank == 0 { 1.0 } else { rng.random_range(-1.0..1.0) })
            .collect();
        let right =
            (0..rank * d_model).map(|index| if index < d_model { 1.0 } else { 0.0 }).collect();
        Factors {
            left: matrix(left, [length, rank], &start.device),
            right: matrix(right, [rank, d_model], &start.device),
        }
    }
}

fn matrix(values: Vec<f32>, shape: [usize; 2], device: &Device) -> Param<Tensor<2>> {
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device))
}

impl LowRank {
    /// A composition with given values: what an adapter of another program holds.
    ///
    /// # Shapes
    ///
    /// - `shared`: `[prompt_length, d_model]`
    /// - each task: `[prompt_length, rank]` and `[rank, d_model]`
    ///
    /// # Panics
    ///
    /// When there is no task or the shapes do not fit together.
    pub fn from_factors(shared: Tensor<2>, factors: Vec<(Tensor<2>, Tensor<2>)>) -> Self {
        assert!(!factors.is_empty(), "a composition needs at least one task");
        let [length, d_model] = shared.dims();
        let tasks = factors
            .into_iter()
            .map(|(left, right)| {
                let rank = left.dims()[1];
                assert_eq!(left.dims(), [length, rank], "left factor of a task");
                assert_eq!(right.dims(), [rank, d_model], "right factor of a task");
                Factors { left: Param::from_tensor(left), right: Param::from_tensor(right) }
            })
            .collect();
        Self { shared: Param::from_tensor(shared), tasks }
    }
}

impl Compose for LowRank {
    fn prompt_length(&self) -> usize {
        self.shared.dims()[0]
    }

    fn d_model(&self) -> usize {
        self.shared.dims()[1]
    }

    fn task_count(&self) -> usize {
        self.tasks.len()
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        let Factors { left, right } = &self.tasks[task.position()];
        self.shared.val() * left.val().matmul(right.val())
    }
}
