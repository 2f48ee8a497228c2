use std::ops::Range;

use burn::module::{Module, ParamId};
use burn::tensor::{Bool, Int, Tensor, TensorData};

use crate::index::TaskIndex;

/// Computes the prompt of each task from trainable parameters.
///
/// Implement this trait and derive [`Module`] to define a custom composition. All parameters of the
/// module are trained. A task that isn't in a batch takes no part in the graph and gets no
/// gradient, if its parameters are separate tensors.
pub trait Compose: Module + Sync {
    /// Returns the number of vectors of a prompt.
    fn prompt_length(&self) -> usize;

    /// Returns the vectors of a prompt that are prepended to the decoder's input, before its start
    /// token. All others are prepended to the encoder's input. The default is none.
    fn decoder_vectors(&self) -> Range<usize> {
        0..0
    }

    /// Returns the width of a prompt vector, the model's `d_model`.
    fn d_model(&self) -> usize;

    /// Returns the number of tasks.
    fn task_count(&self) -> usize;

    /// Returns the prompt of a task.
    ///
    /// # Shapes
    ///
    /// - output: `[prompt_length, d_model]`
    ///
    /// # Panics
    ///
    /// When the task is not below [`task_count`](Self::task_count).
    fn compose(&self, task: TaskIndex) -> Tensor<2>;

    /// Returns whether prompts depend on the inputs that they are prepended to. If so, a task has
    /// no single prompt.
    fn reads_inputs(&self) -> bool {
        false
    }

    /// Returns the task-specific parameters, each of which belongs to one task. All others are
    /// shared.
    ///
    /// Training can use different optimizer settings for them. The default is no parameters.
    fn task_parameters(&self) -> Vec<ParamId> {
        Vec::new()
    }

    /// Returns the prompts of the rows of a batch, which may mix tasks. Each task is composed once.
    ///
    /// # Shapes
    ///
    /// - output: `[rows, prompt_length, d_model]`
    ///
    /// # Panics
    ///
    /// When there are no rows, or a task is not below [`task_count`](Self::task_count).
    fn compose_rows(&self, rows: &[TaskIndex]) -> Tensor<3> {
        gather_task_rows(rows, |task| self.compose(task))
    }

    /// Returns the prompts of the rows of a batch with known inputs. The prompt of a row depends on
    /// its own input only, not on padding.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[rows, length, d_model]`, of the tokens that prompts are prepended to
    /// - `mask`: `[rows, length]`, `true` at tokens
    /// - output: `[rows, prompt_length, d_model]`
    ///
    /// # Panics
    ///
    /// As [`compose_rows`](Self::compose_rows), and when the numbers of rows differ.
    fn compose_for(
        &self,
        rows: &[TaskIndex],
        embeddings: &Tensor<3>,
        mask: &Tensor<2, Bool>,
    ) -> Tensor<3> {
        let _ = (embeddings, mask);
        self.compose_rows(rows)
    }
}

/// Stacks the matrix of each row's task. `of_task` is called once per distinct task.
///
/// # Shapes
///
/// - `of_task`: `[length, d_model]`, the same for all tasks
/// - output: `[rows, length, d_model]`
///
/// # Panics
///
/// When there are no rows.
pub fn gather_task_rows(rows: &[TaskIndex], of_task: impl Fn(TaskIndex) -> Tensor<2>) -> Tensor<3> {
    assert!(!rows.is_empty(), "a batch must have at least one row");
    let mut present = rows.to_vec();
    present.sort_unstable();
    present.dedup();
    let matrices: Tensor<3> = Tensor::stack(present.iter().map(|&task| of_task(task)).collect(), 0);
    let slots: Vec<i64> = rows
        .iter()
        .map(|task| present.binary_search(task).expect("invariant: every row's task is present"))
        .map(|slot| slot as i64)
        .collect();
    let device = matrices.device();
    let slots = Tensor::<1, Int>::from_data(TensorData::new(slots, [rows.len()]), &device);
    matrices.select(0, slots)
}
