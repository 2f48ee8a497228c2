use burn::module::{Module, Param};
use burn::tensor::Tensor;
use mtpt_core::{Compose, TaskIndex};
use serde::{Deserialize, Serialize};

use crate::{ParameterCount, Result, Start};

/// Configuration of [`Add`]: there is nothing to choose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddConfig {}

/// The shared prompt plus a task's own: `P + T_k`.
///
/// `AddPrompt` of `google-research/prompt-tuning` (`prompt_tuning/extended/multitask_prompts.py`). A task's part starts at
/// zero, so that training starts at the shared prompt.
#[derive(Module, Debug)]
pub struct Add {
    shared: Param<Tensor<2>>,
    tasks: Vec<Param<Tensor<2>>>,
}

impl AddConfig {
    /// Nothing is out of range.
    ///
    /// # Errors
    ///
    /// None.
    pub fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        Ok(())
    }

    /// Shared: `L d`. Each task: `L d`.
    pub fn parameter_count(&self, prompt_length: usize, d_model: usize) -> ParameterCount {
        let numbers = prompt_length * d_model;
        ParameterCount { shared: numbers, task: numbers }
    }

    /// Makes the composition.
    ///
    /// # Errors
    ///
    /// When there is no task.
    pub fn init(&self, start: &Start<'_>) -> Result<Add> {
        let tasks = start.each_task(|_| {
            let shape = [start.length(), start.d_model()];
            Ok(Param::from_tensor(Tensor::zeros(shape, &start.device)))
        })?;
        Ok(Add { shared: Param::from_tensor(start.shared_part()), tasks })
    }
}

impl Compose for Add {
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
        self.shared.val() + self.tasks[task.position()].val()
    }
}
