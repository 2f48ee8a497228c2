//! Burn optimizers from their configurations.

use burn::module::ParamGroup;
use burn::optim::{AdamW, ModuleOptimizer};

use crate::config::optimizer::{AdamWConfig, OptimizerConfig};
use crate::optim::adafactor::Adafactor;

/// Creates the optimizer of all parameters of a module.
pub(crate) fn module_optimizer(config: &OptimizerConfig) -> ModuleOptimizer {
    match config {
        OptimizerConfig::AdamW(config) => adamw(config).into(),
        OptimizerConfig::Adafactor(config) => Adafactor::new(config.clone()).into(),
    }
}

/// Adds an optimizer for a group of parameters.
pub(crate) fn add_group(
    optimizer: ModuleOptimizer,
    config: &OptimizerConfig,
    group: ParamGroup,
) -> ModuleOptimizer {
    match config {
        OptimizerConfig::AdamW(config) => optimizer.with_group(group, adamw(config), None),
        OptimizerConfig::Adafactor(config) => {
            optimizer.with_group(group, Adafactor::new(config.clone()), None)
        }
    }
}

fn adamw(config: &AdamWConfig) -> AdamW {
    burn::optim::AdamWConfig::new()
        .with_beta_1(config.beta_1)
        .with_beta_2(config.beta_2)
        .with_epsilon(config.epsilon)
        .with_weight_decay(config.weight_decay)
        .build()
}
