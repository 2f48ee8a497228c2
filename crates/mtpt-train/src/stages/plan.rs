//! The runs of a pipeline, as far as they follow from its configuration alone.

use std::path::{self, Path, PathBuf};

use mtpt_compose::{CompositionConfig, SeparateConfig};
use mtpt_infer::{PromptNote, Prompts};
use mtpt_io::IoError;
use mtpt_tasks::{FewShot, Limit, MixtureConfig, Task, TaskConfig, TaskId};

use crate::config::distillation::DistillationConfig;
use crate::config::evaluation::EvaluationConfig;
use crate::config::prompt::PromptConfig;
use crate::config::run::RunConfig;
use crate::config::stages::{
    AdaptationConfig, FewShotConfig, NearestConfig, StagedRunConfig, TeachersConfig,
};
use crate::config::training::TrainingConfig;
use crate::error::Result;
use crate::output::run_dir::PROMPTS;
use crate::stages::context::find_task;
use crate::stages::error::StageError;
use crate::stages::stage::Stage;

/// A run of a pipeline.
#[derive(Clone, Debug)]
pub(crate) struct PlannedRun {
    pub(crate) stage: Stage,
    /// Directory relative to that of the pipeline; empty for the pipeline's own.
    pub(crate) dir: PathBuf,
    pub(crate) config: RunConfig,
    pub(crate) tasks: Vec<Task>,
}

/// Distillation of the source run.
#[derive(Clone, Debug)]
pub(crate) struct PlannedDistillation {
    pub(crate) config: DistillationConfig,
    pub(crate) teachers: TeacherPrompts,
}

/// Where the prompts of teachers are.
#[derive(Clone, Debug)]
pub(crate) enum TeacherPrompts {
    /// In a file given by the configuration.
    File(PathBuf),
    /// In the directories of the pipeline's teacher runs.
    Runs,
}

/// Few-shot adaptation: several samples of examples for each number of examples.
#[derive(Clone, Debug)]
pub(crate) struct PlannedFewShot {
    /// The tasks to evaluate.
    pub(crate) targets: Vec<Task>,
    pub(crate) per_label: bool,
    /// Number of examples, and the run for each sample of them.
    pub(crate) draws: Vec<(usize, Vec<PlannedRun>)>,
}

impl PlannedFewShot {
    /// Returns the configuration of the runs, which differ in their seeds only.
    pub(crate) fn config(&self) -> Option<&RunConfig> {
        Some(&self.draws.first()?.1.first()?.config)
    }
}

/// A step of a pipeline.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Trains the teacher of one task.
    Teacher(PlannedRun),
    /// Trains the source tasks.
    Source(PlannedRun, Option<PlannedDistillation>),
    /// Trains a plain prompt on a target, to find the nearest source for the next step.
    Nearest(PlannedRun),
    /// Adapts to targets.
    Target(PlannedRun),
    /// Adapts to targets with few examples.
    FewShot(PlannedFewShot),
}

/// The prompts that targets start from.
#[derive(Clone, Debug)]
pub(crate) struct SourcePrompts {
    /// Absolute path.
    pub(crate) path: PathBuf,
    pub(crate) composition: CompositionConfig,
    pub(crate) length: usize,
    pub(crate) decoder_length: usize,
    pub(crate) tasks: Vec<TaskId>,
    /// Vectors of an adapter that are unused.
    pub(crate) unused: Vec<PromptNote>,
}

impl SourcePrompts {
    /// Describes trained prompts.
    pub(crate) fn of(path: &Path, prompts: &Prompts) -> Result<Self> {
        let header = prompts.header();
        Ok(Self {
            path: absolute(path)?,
            composition: header.composition.clone(),
            length: header.length,
            decoder_length: header.decoder_length,
            tasks: header.tasks.iter().map(|task| task.name.clone()).collect(),
            unused: prompts
                .notes()
                .iter()
                .filter(|note| matches!(note, PromptNote::UnusedVectors { .. }))
                .cloned()
                .collect(),
        })
    }
}

/// The steps of a pipeline.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The stages that were requested.
    pub(crate) stages: Vec<Stage>,
    /// The source tasks, if teachers or the source run are trained.
    pub(crate) sources: Option<Vec<Task>>,
    pub(crate) steps: Vec<Step>,
    /// The prompts that targets start from, if there are targets.
    pub(crate) source_prompts: Option<SourcePrompts>,
    /// Files that runs start from.
    pub(crate) inputs: Vec<PathBuf>,
    /// Whether the pipeline is a single run in the pipeline's own directory.
    pub(crate) is_single: bool,
}

/// Plans the runs of a configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planner<'a> {
    pub(crate) config: &'a StagedRunConfig,
    pub(crate) tasks: &'a [Task],
    /// The pipeline's directory.
    pub(crate) dir: &'a Path,
}

impl Planner<'_> {
    /// Plans the requested stages among those of the configuration.
    ///
    /// `trained` returns the prompts of an earlier source run. It is called if only targets are
    /// trained.
    pub(crate) fn stages(
        &self,
        stages: &[Stage],
        trained: impl FnOnce() -> Result<SourcePrompts>,
    ) -> Result<Plan> {
        let config = self.config;
        let is_requested = |stage| stages.contains(&stage);
        let teachers = config.teachers();
        let trained_teachers = teachers
            .as_ref()
            .filter(|teachers| teachers.prompts.is_none() && is_requested(Stage::Teachers));
        let trains_source = is_requested(Stage::Source);
        let adaptation = config.adaptation.as_ref().filter(|_| is_requested(Stage::Targets));
        if trained_teachers.is_none() && !trains_source && adaptation.is_none() {
            return Err(StageError::NothingToDo { requested: stages.to_vec() }.into());
        }
        let prompts = config.teachers.as_ref().and_then(|teachers| teachers.prompts.as_deref());
        let inputs = config.run.prompt.files().chain(prompts).map(Path::to_owned).collect();
        let mut plan = Plan {
            stages: stages.to_vec(),
            sources: None,
            steps: Vec::new(),
            source_prompts: None,
            inputs,
            is_single: config.first_stage().is_none(),
        };
        if plan.is_single {
            let run = self.source_run(PathBuf::new(), self.tasks.to_vec());
            plan.steps.push(Step::Source(run, None));
            return Ok(plan);
        }
        let sources = self.sources();
        if let Some(teachers) = trained_teachers {
            plan.steps.extend(sources.iter().map(|task| self.teacher(teachers, task)));
        }
        if trains_source {
            let run = self.source_run(PathBuf::from(Stage::Source.dir()), sources.clone());
            let teachers = teachers.as_ref().map(|teachers| match &teachers.prompts {
                Some(path) => TeacherPrompts::File(path.clone()),
                None => TeacherPrompts::Runs,
            });
            let distillation = config.distillation.clone().zip(teachers);
            let distillation =
                distillation.map(|(config, teachers)| PlannedDistillation { config, teachers });
            plan.steps.push(Step::Source(run, distillation));
        }
        if let Some(adaptation) = adaptation {
            let source = if trains_source { self.future_source(&sources)? } else { trained()? };
            plan.steps.extend(self.targets(adaptation, &source)?);
            plan.source_prompts = Some(source);
        }
        if trained_teachers.is_some() || trains_source {
            plan.sources = Some(sources);
        }
        Ok(plan)
    }

    /// Plans the adaptation to the targets from trained prompts.
    ///
    /// `trained` returns these prompts.
    pub(crate) fn adaptation(
        &self,
        trained: impl FnOnce() -> Result<SourcePrompts>,
    ) -> Result<Plan> {
        let stages = vec![Stage::Targets];
        let Some(adaptation) = &self.config.adaptation else {
            return Err(StageError::NothingToDo { requested: stages }.into());
        };
        let source = trained()?;
        Ok(Plan {
            stages,
            sources: None,
            steps: self.targets(adaptation, &source)?,
            inputs: vec![source.path.clone()],
            source_prompts: Some(source),
            is_single: false,
        })
    }

    /// Returns the tasks of the source run.
    pub(crate) fn sources(&self) -> Vec<Task> {
        let Some(AdaptationConfig { targets, sources, .. }) = &self.config.adaptation else {
            return self.tasks.to_vec();
        };
        let named = sources.as_ref().unwrap_or(targets).iter();
        let named: Vec<&TaskId> =
            named.filter_map(|name| find_task(self.tasks, name).ok()).map(Task::id).collect();
        let is_source = |task: &&Task| named.contains(&task.id()) == sources.is_some();
        self.tasks.iter().filter(is_source).cloned().collect()
    }

    fn teacher(&self, teachers: &TeachersConfig, task: &Task) -> Step {
        let config = RunConfig {
            prompt: teachers.prompt.clone(),
            composition: CompositionConfig::Separate(SeparateConfig::default()),
            training: teachers.training.clone(),
            mixture: self.single_task_mixture(),
            ..self.config.run.clone()
        };
        let dir = teacher_dir(task.id());
        Step::Teacher(PlannedRun { stage: Stage::Teachers, dir, config, tasks: vec![task.clone()] })
    }

    fn source_run(&self, dir: PathBuf, tasks: Vec<Task>) -> PlannedRun {
        PlannedRun { stage: Stage::Source, dir, config: self.config.run.clone(), tasks }
    }

    /// Describes the prompts that the source run of this plan is going to write.
    fn future_source(&self, sources: &[Task]) -> Result<SourcePrompts> {
        Ok(SourcePrompts {
            path: absolute(&self.dir.join(Stage::Source.dir()).join(PROMPTS))?,
            composition: self.config.run.composition.clone(),
            length: self.config.run.prompt.length,
            decoder_length: self.config.run.prompt.decoder_length,
            tasks: sources.iter().map(|task| task.id().clone()).collect(),
            unused: Vec::new(),
        })
    }

    fn targets(&self, adaptation: &AdaptationConfig, source: &SourcePrompts) -> Result<Vec<Step>> {
        let all = PathBuf::from(Stage::Targets.dir());
        let find = |name| find_task(self.tasks, name).cloned();
        let targets = adaptation.targets.iter().map(find).collect::<Result<Vec<_>>>()?;
        let groups = if adaptation.together {
            vec![(all, targets)]
        } else {
            let alone = |task: Task| (all.join(task.id().as_str()), vec![task]);
            targets.into_iter().map(alone).collect()
        };
        let mut steps = Vec::new();
        for (dir, tasks) in groups {
            let config = self.target_config(adaptation, source);
            let run = PlannedRun { stage: Stage::Targets, dir, config, tasks };
            if let Some(nearest) = &adaptation.nearest {
                steps.push(Step::Nearest(self.nearest(adaptation, nearest, source, &run)));
            }
            steps.push(match &adaptation.few_shot {
                Some(few_shot) => Step::FewShot(plan_few_shot(few_shot, run)?),
                None => Step::Target(run),
            });
        }
        Ok(steps)
    }

    /// Returns the configuration of a run that starts from trained prompts.
    fn target_config(&self, adaptation: &AdaptationConfig, source: &SourcePrompts) -> RunConfig {
        let run = &self.config.run;
        RunConfig {
            prompt: PromptConfig {
                length: source.length,
                decoder_length: source.decoder_length,
                initializer: run.prompt.initializer.clone(),
                components: Vec::new(),
                start_from: Some(source.path.clone()),
                task_parts: adaptation.task_parts.clone(),
                frozen_levels: adaptation.frozen_levels.clone(),
            },
            composition: source.composition.clone(),
            training: adaptation.training.clone(),
            mixture: if adaptation.together { run.mixture } else { self.single_task_mixture() },
            ..run.clone()
        }
    }

    /// Plans the run whose prompt is compared with those of the sources.
    fn nearest(
        &self,
        adaptation: &AdaptationConfig,
        nearest: &NearestConfig,
        source: &SourcePrompts,
        target: &PlannedRun,
    ) -> PlannedRun {
        let (run, training) = (&self.config.run, &adaptation.training);
        let config = RunConfig {
            prompt: PromptConfig {
                length: source.length,
                decoder_length: source.decoder_length,
                initializer: run.prompt.initializer.clone(),
                ..PromptConfig::default()
            },
            composition: CompositionConfig::Separate(SeparateConfig::default()),
            training: TrainingConfig {
                steps: nearest.steps,
                warmup_steps: training.warmup_steps.min(nearest.steps - 1),
                ..training.without_task_options()
            },
            mixture: self.single_task_mixture(),
            // The prompt of the last step is compared, so nothing is selected on `dev`.
            evaluation: EvaluationConfig { every: 0, patience: None, ..run.evaluation.clone() },
            ..run.clone()
        };
        PlannedRun { dir: target.dir.join("nearest"), config, ..target.clone() }
    }

    /// Returns the mixture of a run with one task, from which no subset of tasks can be sampled.
    fn single_task_mixture(&self) -> MixtureConfig {
        MixtureConfig { stochastic: None, ..self.config.run.mixture }
    }
}

/// Returns the directory of a task's teacher, relative to that of the pipeline.
pub(crate) fn teacher_dir(task: &TaskId) -> PathBuf {
    PathBuf::from(Stage::Teachers.dir()).join(task.as_str())
}

fn plan_few_shot(few_shot: &FewShotConfig, target: PlannedRun) -> Result<PlannedFewShot> {
    let draw_run = |rows: usize, draw: usize| -> Result<PlannedRun> {
        let seed = draw as u64;
        let sampled = target.tasks.iter().map(|task| sampled(task, few_shot, rows, seed));
        let config = RunConfig {
            seed: target.config.seed.wrapping_add(seed),
            // Selecting on `dev` would use more than these few examples, so the prompts of the last
            // step are evaluated.
            evaluation: EvaluationConfig {
                every: 0,
                patience: None,
                ..target.config.evaluation.clone()
            },
            ..target.config.clone()
        };
        Ok(PlannedRun {
            dir: target.dir.join(format!("rows-{rows}")).join(format!("draw-{draw}")),
            config,
            tasks: sampled.collect::<Result<_>>()?,
            ..target.clone()
        })
    };
    let draws = |&rows: &usize| -> Result<(usize, Vec<PlannedRun>)> {
        Ok((rows, (0..few_shot.draws).map(|draw| draw_run(rows, draw)).collect::<Result<_>>()?))
    };
    let draws = few_shot.rows.iter().map(draws).collect::<Result<_>>()?;
    Ok(PlannedFewShot { targets: target.tasks, per_label: few_shot.per_label, draws })
}

/// Returns a task limited to a sample of its training examples.
fn sampled(task: &Task, few_shot: &FewShotConfig, rows: usize, seed: u64) -> Result<Task> {
    let config = task.config().clone();
    let config = if few_shot.per_label {
        let limit = Limit { train: None, ..config.limit.clone() };
        TaskConfig { few_shot: Some(FewShot { per_label: rows, seed }), limit, ..config }
    } else {
        let limit = Limit { train: Some(rows), seed: Some(seed), ..config.limit.clone() };
        TaskConfig { limit, ..config }
    };
    Ok(Task::new(&config)?)
}

/// Returns an absolute path, since the configurations of runs that contain it are elsewhere.
fn absolute(path: &Path) -> Result<PathBuf> {
    Ok(path::absolute(path).map_err(IoError::with("find", path))?)
}
