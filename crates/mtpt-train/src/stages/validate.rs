//! Checks that a plan can be executed, before anything is modified and before hours of training.

use std::path::Path;

use mtpt_core::{Backbone, Compose};
use mtpt_infer::{TaskData, composed_tree};
use mtpt_tasks::task::find_task as find_task_name;
use mtpt_tasks::{MixtureConfig, Split, Task, TaskTree, Tokenize};

use crate::config::error::ConfigError;
use crate::config::prompt::PromptConfig;
use crate::config::run::RunConfig;
use crate::config::stages::{AdaptationConfig, StagedRunConfig};
use crate::config::task_parts::TaskParts;
use crate::data::error::DataError;
use crate::error::{Error, Result};
use crate::init::levels::name_levels;
use crate::run::requirements::{check_examples, check_task_options};
use crate::stages::context::{Context, find_task};
use crate::stages::error::StageError;
use crate::stages::plan::{Plan, PlannedRun, Planner, SourcePrompts, Step, TeacherPrompts};
use crate::stages::workspace::{Workspace, read_teachers};

/// Checks the configuration of a pipeline and the names in it.
pub(crate) fn check_config(config: &StagedRunConfig, tasks: &[Task]) -> Result<()> {
    config.check()?;
    let Some(adaptation) = &config.adaptation else { return Ok(()) };
    if adaptation.targets.is_empty() {
        let (option, expected) = ("adaptation.targets", "a list of at least one task");
        return Err(ConfigError::OutOfRange { option, expected, found: 0.0 }.into());
    }
    let find = |name| find_task(tasks, name).map_err(|error| error.in_stage("adaptation"));
    let targets = adaptation.targets.iter().map(find).collect::<Result<Vec<_>>>()?;
    for (place, task) in targets.iter().enumerate() {
        if targets[..place].iter().any(|other| other.id() == task.id()) {
            return Err(ConfigError::DuplicateTarget { task: task.id().clone() }.into());
        }
    }
    adaptation.sources.iter().flatten().try_for_each(|name| find(name).map(drop))?;
    match (&adaptation.nearest, adaptation.together, &adaptation.few_shot) {
        (Some(_), true, _) => Err(StageError::NearestTogether.into()),
        (Some(_), _, Some(_)) => Err(StageError::NearestFewShot.into()),
        _ => Ok(()),
    }
}

/// Checks a configuration and its tasks as far as that is possible without reading the data and the
/// model: settings, names, and whether the composition fits the tree of tasks.
///
/// # Errors
///
/// Those of [`Pipeline::new`](crate::Pipeline::new) and
/// [`initial_composition`](crate::initial_composition), except those about values of the model.
pub fn check_run(config: &StagedRunConfig, tasks: &[Task], d_model: usize) -> Result<()> {
    check_config(config, tasks)?;
    let run = &config.run;
    if let Some(stochastic) = run.mixture.stochastic {
        stochastic.check_batch_size(run.training.batch_size)?;
    }
    if run.evaluation.patience.is_some() && !tasks.iter().any(|task| task.has(Split::Dev)) {
        return Err(ConfigError::NoDev { option: "evaluation.patience" }.into());
    }
    let sources = Planner { config, tasks, dir: Path::new("") }.sources();
    if sources.is_empty() {
        return Err(StageError::NoSource.into());
    }
    let tree = TaskTree::new(sources.iter().map(Task::id))?;
    let length = run.prompt.shared_length();
    run.composition.check(length, d_model)?;
    let count = run.composition.parameter_count(length, d_model, &composed_tree(&tree)?);
    let count = count.map_err(|error| name_levels(error, &tree))?;
    match run.training.task_options() {
        Some((option, _)) if count.task_specific == 0 => {
            Err(ConfigError::NoTaskParameters { option }.into())
        }
        _ => Ok(()),
    }
}

/// Checks everything about a plan that can be known before it is executed.
pub(crate) fn validate<B: Backbone, T: Tokenize>(
    plan: &Plan,
    context: &Context<'_, B, T>,
    workspace: &Workspace<'_>,
) -> Result<()> {
    if plan.is_single {
        // The run itself checks everything before it modifies anything.
        return Ok(());
    }
    if let Some(sources) = &plan.sources {
        check_sources(sources, context)?;
    }
    let trains_teachers = plan.steps.iter().any(|step| matches!(step, Step::Teacher(_)));
    for step in &plan.steps {
        if let Step::Source(run, Some(distillation)) = step {
            let exist = matches!(distillation.teachers, TeacherPrompts::File(_));
            if exist || !trains_teachers {
                read_teachers(&distillation.teachers, &run.tasks, workspace, &context.device())?;
            }
        }
    }
    match (&context.config.adaptation, &plan.source_prompts) {
        (Some(adaptation), Some(source)) => check_targets(plan, adaptation, source, context),
        _ => Ok(()),
    }
}

fn check_sources<B: Backbone, T: Tokenize>(
    sources: &[Task],
    context: &Context<'_, B, T>,
) -> Result<()> {
    if sources.is_empty() {
        return Err(StageError::NoSource.into());
    }
    let config = &context.config.run;
    let data = context.read(sources, config)?;
    check_examples(&data, config)?;
    check_task_options(config, &context.initial_composition(config, sources)?)
}

fn check_targets<B: Backbone, T: Tokenize>(
    plan: &Plan,
    adaptation: &AdaptationConfig,
    source: &SourcePrompts,
    context: &Context<'_, B, T>,
) -> Result<()> {
    let known = &source.tasks;
    if let TaskParts::Task(name) = &adaptation.task_parts
        && adaptation.nearest.is_none()
        && let Err(error) = find_task_name(name, known)
    {
        let error = Error::from(mtpt_infer::Error::from(error));
        return Err(error.in_stage("adaptation"));
    }
    for step in &plan.steps {
        match step {
            Step::Target(run) => check_target(run, &run.tasks, adaptation, context)?,
            Step::FewShot(few_shot) => {
                if let Some(run) = few_shot.draws.first().and_then(|(_, runs)| runs.first()) {
                    check_target(run, &few_shot.targets, adaptation, context)?;
                }
            }
            Step::Teacher(_) | Step::Source(..) | Step::Nearest(_) => {}
        }
    }
    Ok(())
}

fn check_target<B: Backbone, T: Tokenize>(
    run: &PlannedRun,
    targets: &[Task],
    adaptation: &AdaptationConfig,
    context: &Context<'_, B, T>,
) -> Result<()> {
    // The prompts to start from may not exist yet.
    let prompt = PromptConfig {
        start_from: None,
        task_parts: TaskParts::default(),
        ..run.config.prompt.clone()
    };
    let config = RunConfig { prompt, ..run.config.clone() };
    for task in targets {
        if adaptation.few_shot.is_some() && !task.has(Split::Test) && !task.has(Split::Dev) {
            return Err(DataError::NothingToEvaluate { task: task.id().clone() }.into());
        }
        let data = context.read(std::slice::from_ref(task), &config)?;
        let mixture = MixtureConfig { stochastic: None, ..config.mixture };
        let config = RunConfig { mixture, ..config.clone() };
        check_examples(&data, &without_unusable_patience(config, &data))?;
    }
    let composition = context
        .initial_composition(&config, targets)
        .map_err(|error| error.in_stage("adaptation"))?;
    if adaptation.nearest.is_some() && composition.reads_inputs() {
        return Err(StageError::NearestReadsInputs.into());
    }
    Ok(())
}

/// Removes the patience of a run without a `dev` split: teachers and separate targets may lack one
/// even if other tasks have it.
pub(crate) fn without_unusable_patience(mut config: RunConfig, data: &[TaskData]) -> RunConfig {
    if data.iter().all(|task| task.rows(Split::Dev).is_empty()) {
        config.evaluation.patience = None;
    }
    config
}
