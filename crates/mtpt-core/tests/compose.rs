use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use mtpt_core::{Compose, TaskIndex};

/// One prompt vector per task, no shared parameters.
#[derive(Module, Debug)]
struct OneVector {
    tasks: Vec<Param<Tensor<2>>>,
}

impl Compose for OneVector {
    fn prompt_length(&self) -> usize {
        1
    }

    fn d_model(&self) -> usize {
        2
    }

    fn task_count(&self) -> usize {
        self.tasks.len()
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        self.tasks[task.position()].val()
    }
}

fn three_tasks(device: &Device) -> OneVector {
    let tasks = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
        .map(|row| Param::from_tensor(Tensor::from_data([row], device)))
        .to_vec();
    OneVector { tasks }
}

#[test]
fn each_row_gets_the_prompt_of_its_task() {
    let composition = three_tasks(&Device::flex());
    let rows = [2, 0, 2].map(TaskIndex::new);
    let prompts = composition.compose_rows(&rows);
    assert_eq!(prompts.dims(), [3, 1, 2]);
    assert_eq!(prompts.into_data().try_to_vec::<f32>().unwrap(), [5.0, 6.0, 1.0, 2.0, 5.0, 6.0]);
}

#[test]
fn gradients_are_summed_over_rows_and_absent_tasks_have_none() {
    let composition = three_tasks(&Device::flex().autodiff());
    let rows = [2, 0, 2].map(TaskIndex::new);
    let gradients = composition.compose_rows(&rows).sum().backward();
    let gradient = |task: usize| composition.tasks[task].val().grad(&gradients);
    assert_eq!(gradient(0).unwrap().into_data().try_to_vec::<f32>().unwrap(), [1.0, 1.0]);
    assert!(gradient(1).is_none());
    assert_eq!(gradient(2).unwrap().into_data().try_to_vec::<f32>().unwrap(), [2.0, 2.0]);
}
