//! What a run needs, as far as it can be known before its first step.

use mtpt_core::Compose;
use mtpt_tasks::Split;

use crate::config::run::RunConfig;
use crate::error::{Error, Result};
use mtpt_infer::TaskData;

/// Checks the rows that a run learns from and is judged by.
pub(crate) fn check_rows(data: &[TaskData], config: &RunConfig) -> Result<()> {
    if let Some(empty) = data.iter().find(|task| task.count(Split::Train) == 0) {
        return Err(Error::NoTrainingRows { task: empty.task().id().clone() });
    }
    if let Some(stochastic) = config.mixture.stochastic {
        stochastic.check_batch_size(config.training.batch_size)?;
    }
    let judged = data.iter().any(|task| !task.rows(Split::Dev).is_empty());
    if config.evaluation.patience.is_some() && !judged {
        return Err(Error::NoDev { option: "evaluation.patience" });
    }
    Ok(())
}

/// Checks that tasks own something, where what they own should have something for itself.
pub(crate) fn check_task_options(config: &RunConfig, composition: &impl Compose) -> Result<()> {
    match config.training.task_options() {
        Some((option, _)) if composition.task_parameters().is_empty() => {
            Err(Error::NoTaskParameters { option })
        }
        _ => Ok(()),
    }
}
