use burn::module::{Module, Param};
use burn::tensor::Tensor;
use mtpt_core::{Compose, TaskIndex};
use serde::{Deserialize, Serialize};

use crate::{ParameterCount, Result, Start, range::check_count};

/// Configuration of [`Concat`].
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `task_length` | 10 | number of vectors of a task's own | 1 to 10,000 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConcatConfig {
    /// Number of vectors of a task's own.
    pub task_length: usize,
}

/// The shared prompt followed by a task's own: `[P ; T_k]` along the sequence.
///
/// `ConcatPrompt` of `google-research/prompt-tuning` (`prompt_tuning/extended/multitask_prompts.py`). The prompt is longer
/// than the shared one by `task_length`.
#[derive(Module, Debug)]
pub struct Concat {
    shared: Param<Tensor<2>>,
    tasks: Vec<Param<Tensor<2>>>,
}

/// A length beyond which a prompt is surely a mistake: no encoder reads it in reasonable time.
const LONGEST: usize = 10_000;

impl Default for ConcatConfig {
    fn default() -> Self {
        Self { task_length: 10 }
    }
}

impl ConcatConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`](crate::Error::OutOfRange), when the length of a task's part is 0 or beyond reason.
    pub fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        check_count("task_length", self.task_length, LONGEST)
    }

    /// Shared: `L d`. Each task: `L_t d`.
    pub fn parameter_count(&self, prompt_length: usize, d_model: usize) -> ParameterCount {
        ParameterCount { shared: prompt_length * d_model, task: self.task_length * d_model }
    }

    /// Makes the composition; a task's part starts where [`Start::task`] says.
    ///
    /// # Errors
    ///
    /// When the configuration is out of range, there is no task, or first values are not to be had.
    pub fn init(&self, start: &Start<'_>) -> Result<Concat> {
        self.check(start.length(), start.d_model())?;
        let tasks = start
            .each_task(|task| start.task_part(task, self.task_length).map(Param::from_tensor))?;
        Ok(Concat { shared: Param::from_tensor(start.shared_part()), tasks })
    }
}

impl Compose for Concat {
    fn prompt_length(&self) -> usize {
        self.shared.dims()[0] + self.tasks[0].dims()[0]
    }

    fn d_model(&self) -> usize {
        self.shared.dims()[1]
    }

    fn task_count(&self) -> usize {
        self.tasks.len()
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        Tensor::cat(vec![self.shared.val(), self.tasks[task.position()].val()], 0)
    }
}
