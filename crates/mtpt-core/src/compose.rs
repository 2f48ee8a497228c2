use burn::module::{Module, ParamId};
use burn::tensor::{Bool, Int, Tensor, TensorData};

use crate::TaskIndex;

/// Makes the prompt of a task out of learned parts.
///
/// Implement this trait, and derive [`Module`], to bring a composition of one's own. The parameters of the module are
/// what is trained; a task that a batch does not hold takes no part in its graph and gets no gradient, provided that
/// its parameters are tensors of their own.
pub trait Compose: Module + Sync {
    /// Number of vectors in the prompt of a task.
    fn prompt_length(&self) -> usize;

    /// Width of a prompt vector, the model's `d_model`.
    fn d_model(&self) -> usize;

    /// Number of tasks that prompts can be composed for.
    fn task_count(&self) -> usize;

    /// The prompt of one task.
    ///
    /// # Shapes
    ///
    /// - output: `[prompt_length, d_model]`
    ///
    /// # Panics
    ///
    /// When the task is not below [`task_count`](Self::task_count).
    fn compose(&self, task: TaskIndex) -> Tensor<2>;

    /// Whether prompts depend on the inputs that they stand in front of. Where they do, no plain prompt can stand for a task.
    fn reads_inputs(&self) -> bool {
        false
    }

    /// The parameters that each belong to one task; all others are shared.
    ///
    /// Training can give them a rate of their own. None, unless it is told.
    fn task_parameters(&self) -> Vec<ParamId> {
        Vec::new()
    }

    /// The prompts of the rows of a batch, which mixes tasks freely: each task that is present is composed once.
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

    /// The prompts of the rows of a batch whose inputs are known. A row's prompt depends on its own input alone, and not on
    /// the padding behind it.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[rows, length, d_model]`, of the tokens that prompts are to stand in front of
    /// - `mask`: `[rows, length]`, `true` where a token stands
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

/// A matrix for each row, of its task; each task that is present is asked for once.
///
/// # Shapes
///
/// - each task: `[length, d_model]`, the same for all
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
    let parts: Tensor<3> = Tensor::stack(present.iter().map(|&task| of_task(task)).collect(), 0);
    let slots: Vec<i64> = rows
        .iter()
        .map(|task| present.binary_search(task).expect("invariant: every row's task is present"))
        .map(|slot| slot as i64)
        .collect();
    let device = parts.device();
    let slots = Tensor::<1, Int>::from_data(TensorData::new(slots, [rows.len()]), &device);
    parts.select(0, slots)
}
