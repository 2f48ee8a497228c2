//! Compositions and prompts with random values.

use burn::tensor::{Device, Distribution, Tensor};
use mtpt_compose::{Composition, CompositionConfig, InitContext, Tree};
use mtpt_infer::{PromptHeader, PromptTask, Prompts};
use mtpt_tasks::Task;

const LENGTH: usize = 4;
const D_MODEL: usize = 16;

/// Creates a composition of `tasks` tasks whose shared prompt has 4 vectors of width 16.
pub(crate) fn composition(config: &CompositionConfig, tasks: usize) -> Composition {
    let device = Device::flex();
    let random =
        |length| Tensor::random([length, D_MODEL], Distribution::Uniform(-0.5, 0.5), &device);
    let context = InitContext {
        shared: random(LENGTH),
        tree: Tree::flat(tasks),
        part: &|_, length| Ok(random(length)),
        seed: 5,
        device: device.clone(),
    };
    config.init(&context).unwrap()
}

/// Creates prompts with random values for tasks.
pub(crate) fn prompts(config: &CompositionConfig, tasks: &[Task]) -> Prompts {
    let header_tasks = tasks.iter().map(PromptTask::new).collect();
    let header = PromptHeader::new(config.clone(), LENGTH, D_MODEL, header_tasks);
    Prompts::new(composition(config, tasks.len()), header)
}
