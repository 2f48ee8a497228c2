//! The small world of `mtpt-infer`'s tests, and what training adds to it.

use burn::tensor::Device;
use mtpt_compose::{Composition, CompositionConfig};
use mtpt_train::{EvaluationConfig, PromptConfig, RunConfig, TrainingConfig, initial_composition};

#[path = "../../mtpt-infer/tests/small_world.rs"]
mod shared;

pub(crate) use shared::*;

impl SmallWorld {
    /// Initializes a composition for training.
    pub(crate) fn composition(&self, config: &RunConfig) -> Composition {
        let device = Device::flex().autodiff();
        initial_composition(config, &self.tasks, &self.t5, &tokenizer(), &device).unwrap()
    }
}

/// Returns a run of eight steps with twelve examples each and a checkpoint every three steps.
pub(crate) fn config(composition: CompositionConfig) -> RunConfig {
    RunConfig {
        seed: 5,
        prompt: PromptConfig { length: 4, ..PromptConfig::default() },
        composition,
        training: TrainingConfig {
            steps: 8,
            batch_size: 12,
            learning_rate: 0.1,
            checkpoint_every: 3,
            ..TrainingConfig::default()
        },
        mixture: mtpt_tasks::MixtureConfig::default(),
        evaluation: EvaluationConfig { every: 2, batch_size: 5, ..EvaluationConfig::default() },
        ..RunConfig::new("small")
    }
}
