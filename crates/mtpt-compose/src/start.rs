use burn::tensor::{Device, Tensor};
use mtpt_core::TaskIndex;

use crate::{Error, Result};

/// What a composition is made from: how many tasks there are and where the first values of its parts come from.
///
/// The same start makes the same composition on every device.
pub struct Start<'a> {
    /// First values of the shared prompt, `[prompt_length, d_model]`.
    pub shared: Tensor<2>,
    /// Number of tasks.
    pub task_count: usize,
    /// First values for that many vectors of a task's own, `[length, d_model]`.
    pub task: &'a dyn Fn(TaskIndex, usize) -> mtpt_core::Result<Tensor<2>>,
    /// Seed of everything else that starts at random.
    pub seed: u64,
    /// The device that the parameters live on; one with autodiff, if they are to be trained.
    pub device: Device,
}

impl Start<'_> {
    /// Length of the shared prompt.
    pub(crate) fn length(&self) -> usize {
        self.shared.dims()[0]
    }

    /// Width of the shared prompt.
    pub(crate) fn d_model(&self) -> usize {
        self.shared.dims()[1]
    }

    /// The shared prompt's first values as a fresh tensor on the device.
    pub(crate) fn shared_part(&self) -> Tensor<2> {
        Tensor::from_data(self.shared.clone().into_data(), &self.device)
    }

    /// First values of a task's own vectors, checked, on the device.
    pub(crate) fn task_part(&self, task: TaskIndex, length: usize) -> Result<Tensor<2>> {
        let values = (self.task)(task, length)?;
        let expected = [length, self.d_model()];
        if values.dims() != expected {
            let part = format!("task {task}");
            return Err(Error::StartShape { part, expected, found: values.dims() });
        }
        Ok(Tensor::from_data(values.into_data(), &self.device))
    }

    /// One value for each task, in their order.
    pub(crate) fn each_task<T>(&self, make: impl FnMut(TaskIndex) -> Result<T>) -> Result<Vec<T>> {
        if self.task_count == 0 {
            return Err(Error::NoTask);
        }
        (0..self.task_count as u32).map(TaskIndex::new).map(make).collect()
    }
}
