use mtpt::tasks::Task;
use mtpt::train::{AdaptationConfig, FewShotConfig, NearestConfig, StagedRunConfig, TaskParts};

use crate::args::Adapt;
use crate::commands::train::{Work, work};
use crate::error::Result;

pub(crate) fn run(arguments: &Adapt) -> Result<()> {
    work(
        &arguments.run,
        |config, tasks| adapted(arguments, config, tasks),
        &Work::Adapt(&arguments.prompts),
    )
}

/// The configuration with what the arguments say of adaptation; without a word of it in the file, all its tasks are targets.
fn adapted(arguments: &Adapt, config: StagedRunConfig, tasks: &[Task]) -> StagedRunConfig {
    let all = || tasks.iter().map(|task| task.id().clone()).collect();
    let mut adaptation =
        config.adaptation.unwrap_or_else(|| AdaptationConfig::to(all(), &config.run));
    if let Some(parts) = &arguments.task_parts {
        adaptation.nearest = None;
        adaptation.task_parts = match parts.as_str() {
            "own" => TaskParts::Own,
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
        let before = adaptation.few_shot.unwrap_or_default();
        adaptation.few_shot = Some(FewShotConfig {
            rows: arguments.few_shot.clone(),
            per_label: arguments.per_label || before.per_label,
            draws: arguments.draws.unwrap_or(before.draws),
        });
    }
    // What comes before is done: the prompts are there.
    StagedRunConfig {
        run: config.run,
        teachers: None,
        distillation: None,
        adaptation: Some(adaptation),
    }
}
