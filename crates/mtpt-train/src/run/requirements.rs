//! Requirements of a run that can be checked before its first step.

use mtpt_core::Compose;
use mtpt_infer::TaskData;
use mtpt_tasks::Split;

use crate::config::error::ConfigError;
use crate::config::run::RunConfig;
use crate::data::error::DataError;
use crate::error::Result;

/// Checks the examples that a run trains and evaluates on.
pub(crate) fn check_examples(data: &[TaskData], config: &RunConfig) -> Result<()> {
    if let Some(empty) = data.iter().find(|task| task.count(Split::Train) == 0) {
        return Err(DataError::NoTrainingExamples { task: empty.task().id().clone() }.into());
    }
    if let Some(stochastic) = config.mixture.stochastic {
        stochastic.check_batch_size(config.training.batch_size)?;
    }
    let has_dev = data.iter().any(|task| !task.rows(Split::Dev).is_empty());
    if config.evaluation.patience.is_some() && !has_dev {
        return Err(ConfigError::NoDev { option: "evaluation.patience" }.into());
    }
    Ok(())
}

/// Checks that the composition has as many vectors for the decoder as the configuration specifies.
pub(crate) fn check_decoder_length(config: &RunConfig, composition: &impl Compose) -> Result<()> {
    let (expected, found) = (config.prompt.decoder_length, composition.decoder_vectors().len());
    if expected == found {
        return Ok(());
    }
    Err(ConfigError::DecoderLength { expected, found }.into())
}

/// Checks that the composition has task-specific parameters if any `training.task_*` option is set.
pub(crate) fn check_task_options(config: &RunConfig, composition: &impl Compose) -> Result<()> {
    match config.training.task_options() {
        Some((option, _)) if composition.task_parameters().is_empty() => {
            Err(ConfigError::NoTaskParameters { option }.into())
        }
        _ => Ok(()),
    }
}
