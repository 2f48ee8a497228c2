use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};
use mtpt_core::{Compose, TaskIndex};
use serde::{Deserialize, Serialize};

use crate::{Error, ParameterCount, Result, Start};

/// Configuration of [`Weighted`].
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `initial_weight` | 0.5 | first `w_k`; the shared prompt's share is its sigmoid | -20 to 20 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeightedConfig {
    /// First `w_k`, before the sigmoid.
    pub initial_weight: f64,
}

/// A learned mean of the shared prompt and a task's own: `s P + (1 - s) T_k` with `s = sigmoid(w_k)`.
///
/// The weighted composition of the feature request `google-research/prompt-tuning#306`. A task's part starts as a copy of
/// the shared prompt, so that training starts there whatever the weight.
#[derive(Module, Debug)]
pub struct Weighted {
    shared: Param<Tensor<2>>,
    tasks: Vec<WeightedTask>,
}

/// What one task owns.
#[derive(Module, Debug)]
struct WeightedTask {
    /// `T_k`, `[prompt_length, d_model]`.
    prompt: Param<Tensor<2>>,
    /// `w_k`, `[1]`.
    weight: Param<Tensor<1>>,
}

/// Beyond this the sigmoid is 0 or 1 to the last bit of an `f32` and the weight could no longer learn.
const LARGEST_WEIGHT: f64 = 20.0;

impl Default for WeightedConfig {
    fn default() -> Self {
        Self { initial_weight: 0.5 }
    }
}

impl WeightedConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], when the first weight would leave nothing to learn.
    pub fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        if self.initial_weight.abs() <= LARGEST_WEIGHT {
            return Ok(());
        }
        Err(Error::OutOfRange {
            name: "initial_weight",
            lowest: -LARGEST_WEIGHT,
            highest: LARGEST_WEIGHT,
            found: self.initial_weight,
        })
    }

    /// Shared: `L d`. Each task: `L d + 1`.
    pub fn parameter_count(&self, prompt_length: usize, d_model: usize) -> ParameterCount {
        let numbers = prompt_length * d_model;
        ParameterCount { shared: numbers, task: numbers + 1 }
    }

    /// Makes the composition.
    ///
    /// # Errors
    ///
    /// When the configuration is out of range or there is no task.
    pub fn init(&self, start: &Start<'_>) -> Result<Weighted> {
        self.check(start.length(), start.d_model())?;
        let tasks = start.each_task(|_| {
            let weight = Tensor::full([1], self.initial_weight, &start.device);
            Ok(WeightedTask {
                prompt: Param::from_tensor(start.shared_part()),
                weight: Param::from_tensor(weight),
            })
        })?;
        Ok(Weighted { shared: Param::from_tensor(start.shared_part()), tasks })
    }
}

impl Compose for Weighted {
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
        let WeightedTask { prompt, weight } = &self.tasks[task.position()];
        let share = activation::sigmoid(weight.val()).unsqueeze::<2>();
        // T + s (P - T) is s P + (1 - s) T, and exactly P where both are equal.
        let own = prompt.val();
        (self.shared.val() - own.clone()) * share + own
    }
}
