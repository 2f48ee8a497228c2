use std::path::Path;

use mtpt_core::Backbone;
use mtpt_infer::Prompts;
use mtpt_tasks::{Task, Tokenize};

use crate::config::stages::StagedRunConfig;
use crate::error::Result;
use crate::output::run_dir::PROMPTS;
use crate::run::observer::Observer;
use crate::stages::context::Context;
use crate::stages::data_cache::DataCache;
use crate::stages::execute::Executor;
use crate::stages::plan::{Plan, Planner, SourcePrompts, Step};
use crate::stages::report::PipelineReport;
use crate::stages::stage::Stage;
use crate::stages::validate::{check_config, validate};
use crate::stages::workspace::Workspace;

/// All runs of a [`StagedRunConfig`]: teachers, the run on the source tasks, and targets.
///
/// Each run has its own subdirectory and can be resumed: `teachers/TASK`, `source`, and
/// `targets/TASK`, or `targets` if the targets are trained together. The pipeline's directory
/// contains the whole configuration and, at the end, the final prompts. A configuration without
/// stages is a single run in the directory itself.
#[derive(Debug)]
pub struct Pipeline<'a, B, T, L = ()> {
    context: Context<'a, B, T>,
    resume: bool,
    observer: L,
}

impl<'a, B: Backbone, T: Tokenize> Pipeline<'a, B, T> {
    /// Creates a pipeline that starts over and reports to no one.
    ///
    /// # Errors
    ///
    /// When the configuration is invalid ([`ConfigError`](crate::ConfigError)), a target or source
    /// is none of the tasks ([`mtpt_infer::Error::TaskName`]), or `adaptation.nearest` is
    /// combined with an option that excludes it.
    pub fn new(
        config: &'a StagedRunConfig,
        tasks: &'a [Task],
        backbone: &'a B,
        tokenizer: &'a T,
    ) -> Result<Self> {
        check_config(config, tasks)?;
        let context = Context { config, tasks, backbone, tokenizer, cache: None };
        Ok(Self { context, resume: false, observer: () })
    }
}

impl<'a, B: Backbone, T: Tokenize, L: Observer> Pipeline<'a, B, T, L> {
    /// Sets whether to resume runs that were started in the pipeline's directory.
    #[must_use]
    pub fn resume(self, resume: bool) -> Self {
        Self { resume, ..self }
    }

    /// Sets the cache of examples that are shared with other pipelines of the same model.
    #[must_use]
    pub fn data_cache(mut self, cache: &'a DataCache) -> Self {
        self.context.cache = Some(cache);
        self
    }

    /// Sets the observer that events are reported to.
    #[must_use]
    pub fn observer<N: Observer>(self, observer: N) -> Pipeline<'a, B, T, N> {
        Pipeline { context: self.context, resume: self.resume, observer }
    }

    /// Runs the requested stages among those of the configuration, in a directory.
    ///
    /// Everything that can be checked in advance is checked before anything is modified.
    ///
    /// # Errors
    ///
    /// [`StageError`](crate::StageError) when none of the requested stages is configured, no task
    /// is left as a source, or an input would be removed; those of
    /// [`initial_composition`](crate::initial_composition), [`mtpt_infer::TaskData::read`],
    /// [`PromptTuningRun::train`](crate::PromptTuningRun::train) and
    /// [`Teachers::new`](crate::Teachers::new).
    pub fn run(self, dir: &Path, stages: &[Stage]) -> Result<PipelineReport> {
        let workspace = Workspace { dir, resume: self.resume };
        let trained = || {
            let path = workspace.completed(Path::new(Stage::Source.dir()))?;
            read_source(&path, &self.context)
        };
        let plan = self.planner(dir).stages(stages, trained)?;
        self.execute(&plan, &workspace)
    }

    /// Adapts trained prompts to the targets, without running the stages that train them.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and when the prompts cannot be read.
    pub fn adapt(self, dir: &Path, source: &Path) -> Result<PipelineReport> {
        let workspace = Workspace { dir, resume: self.resume };
        let plan = self.planner(dir).adaptation(|| read_source(source, &self.context))?;
        self.execute(&plan, &workspace)
    }

    fn planner<'b>(&'b self, dir: &'b Path) -> Planner<'b> {
        Planner { config: self.context.config, tasks: self.context.tasks, dir }
    }

    fn execute(mut self, plan: &Plan, workspace: &Workspace<'_>) -> Result<PipelineReport> {
        let Context { config, tasks, .. } = self.context;
        validate(plan, &self.context, workspace)?;
        let locked = if plan.is_single {
            // The run prepares its directory itself.
            workspace.check_inputs(&[workspace.dir.to_owned()], plan)?;
            None
        } else {
            Some(workspace.prepare(plan, config, tasks.iter())?)
        };
        for note in plan.source_prompts.iter().flat_map(|source| &source.unused) {
            self.observer.note(&format!("note: {note}"));
        }
        let mut executor = Executor::new(&self.context, workspace, &mut self.observer);
        for step in &plan.steps {
            executor.execute(step, plan.source_prompts.as_ref())?;
        }
        let (mut report, merged) = executor.finish()?;
        let Some(locked) = locked else {
            report.prompts = report.runs.first().map(|run| run.prompts.clone());
            return Ok(report);
        };
        let trains_source = plan.steps.iter().any(|step| matches!(step, Step::Source(..)));
        let prompts = if trains_source && config.adaptation.is_none() {
            let path = workspace.dir.join(Stage::Source.dir()).join(PROMPTS);
            Some(Prompts::read(&path, &self.context.device())?)
        } else {
            merged
        };
        if let Some(prompts) = prompts {
            prompts.write(&locked.dir.prompts())?;
            report.prompts = Some(locked.dir.prompts());
        }
        if self.resume {
            // Options that belong to no run, such as `few_shot.draws`, may have changed.
            locked.dir.write_config(config, tasks.iter())?;
        }
        Ok(report)
    }
}

/// Reads the prompts that targets start from.
fn read_source<B: Backbone, T: Tokenize>(
    path: &Path,
    context: &Context<'_, B, T>,
) -> Result<SourcePrompts> {
    let prompts = Prompts::read(path, &context.device())?;
    prompts.check_fits(context.backbone)?;
    SourcePrompts::of(path, &prompts)
}
