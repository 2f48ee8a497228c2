use mtpt::tasks::Task;
use mtpt::train::{AdaptationConfig, FewShotConfig, NearestConfig, StagedRunConfig, TaskParts};

use crate::args::training::Adapt;
use crate::commands::train::{run_pipeline, with_overrides};
use crate::error::Result;
use crate::pipeline_job::Mode;

pub(crate) fn run(arguments: &Adapt) -> Result<()> {
    run_pipeline(
        &arguments.run,
        |config, tasks| {
            let config = with_overrides(config, arguments.weights, &arguments.baseline);
            with_arguments(arguments, config, tasks)
        },
        &Mode::Adapt(&arguments.prompts),
    )
}

/// Applies the arguments to the configuration. Without an `[adaptation]` table, all its tasks are
/// targets.
fn with_arguments(arguments: &Adapt, config: StagedRunConfig, tasks: &[Task]) -> StagedRunConfig {
    let all = || tasks.iter().map(|task| task.id().clone()).collect();
    let mut adaptation =
        config.adaptation.unwrap_or_else(|| AdaptationConfig::to(all(), &config.run));
    if adaptation.targets.is_empty() {
        adaptation.targets = all();
    }
    if let Some(parts) = &arguments.task_parts {
        adaptation.nearest = None;
        adaptation.task_parts = match parts.as_str() {
            "own" => TaskParts::SameName,
            "fresh" => TaskParts::Fresh,
            "average" => TaskParts::Average,
            task => TaskParts::Task(task.to_owned()),
        };
    }
    if let Some(steps) = arguments.nearest {
        adaptation.nearest = Some(NearestConfig { steps });
    }
    adaptation.together |= arguments.together;
    if !arguments.few_shot.is_empty() {
        let configured = adaptation.few_shot.unwrap_or_default();
        adaptation.few_shot = Some(FewShotConfig {
            rows: arguments.few_shot.clone(),
            per_label: arguments.per_label || configured.per_label,
            draws: arguments.draws.unwrap_or(configured.draws),
        });
    }
    // The source stages already ran: their result is the prompt file.
    StagedRunConfig {
        run: config.run,
        teachers: None,
        distillation: None,
        adaptation: Some(adaptation),
    }
}
