use burn::module::{Module, Param};
use burn::tensor::Tensor;
use mtpt_core::{Compose, TaskIndex};
use serde::{Deserialize, Serialize};

use crate::{ParameterCount, Result, Start};

/// Configuration of [`Separate`]: there is nothing to choose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeparateConfig {}

/// A plain prompt for each task and nothing shared: `T_k`.
///
/// Prompt tuning as Lester et al. (2021) have it, for several tasks in one run: the baseline that sharing is judged by, the
/// teachers of multitask prompt tuning, and the form that any other composition can be brought into.
#[derive(Module, Debug)]
pub struct Separate {
    tasks: Vec<Param<Tensor<2>>>,
}

impl SeparateConfig {
    /// Nothing is out of range.
    ///
    /// # Errors
    ///
    /// None.
    pub fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        Ok(())
    }

    /// Shared: none. Each task: `L d`.
    pub fn parameter_count(&self, prompt_length: usize, d_model: usize) -> ParameterCount {
        ParameterCount { shared: 0, task: prompt_length * d_model }
    }

    /// Makes the composition; a task's prompt starts where [`Start::task`] says.
    ///
    /// # Errors
    ///
    /// When there is no task or first values are not to be had.
    pub fn init(&self, start: &Start<'_>) -> Result<Separate> {
        let length = start.length();
        let tasks =
            start.each_task(|task| start.task_part(task, length).map(Param::from_tensor))?;
        Ok(Separate { tasks })
    }
}

impl Separate {
    /// A composition of given prompts.
    ///
    /// # Shapes
    ///
    /// - each prompt: `[prompt_length, d_model]`
    ///
    /// # Panics
    ///
    /// When there is no prompt or their shapes differ.
    pub fn from_prompts(prompts: Vec<Tensor<2>>) -> Self {
        assert!(!prompts.is_empty(), "a composition needs at least one task");
        let shape = prompts[0].dims();
        let tasks = prompts
            .into_iter()
            .map(|prompt| {
                assert_eq!(prompt.dims(), shape, "prompts of separate tasks have one shape");
                Param::from_tensor(prompt)
            })
            .collect();
        Self { tasks }
    }
}

impl Compose for Separate {
    fn prompt_length(&self) -> usize {
        self.tasks[0].dims()[0]
    }

    fn d_model(&self) -> usize {
        self.tasks[0].dims()[1]
    }

    fn task_count(&self) -> usize {
        self.tasks.len()
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        self.tasks[task.position()].val()
    }
}
