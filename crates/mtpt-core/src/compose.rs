use burn::module::Module;
use burn::tensor::{Int, Tensor, TensorData};

use crate::TaskIndex;

/// Makes the prompt of a task out of learned parts.
///
/// Implement this trait, and derive [`Module`], to bring a composition of one's own. The parameters of the module are
/// what is trained; a task that a batch does not hold takes no part in its graph and gets no gradient, provided that
/// its parameters are tensors of their own.
pub trait Compose: Module {
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
        assert!(!rows.is_empty(), "a batch must have at least one row");
        let mut present = rows.to_vec();
        present.sort_unstable();
        present.dedup();
        let prompts: Tensor<3> =
            Tensor::stack(present.iter().map(|&task| self.compose(task)).collect(), 0);
        let slots: Vec<i64> = rows
            .iter()
            .map(|task| {
                present.binary_search(task).expect("invariant: every row's task is present")
            })
            .map(|slot| slot as i64)
            .collect();
        let device = prompts.device();
        let slots = Tensor::<1, Int>::from_data(TensorData::new(slots, [rows.len()]), &device);
        prompts.select(0, slots)
    }
}
