use std::path::{Path, PathBuf};

use mtpt::burn::tensor::Device;
use mtpt::tasks::Task;
use mtpt::train::{PipelineReport, Stage, StagedRunConfig};
use mtpt::{Model, RunFile};

use crate::args::training::Run;
use crate::config::read_with_settings;
use crate::config_kind::check_is_for_prompts;
use crate::destination::{check_run_dir, run_dir};
use crate::error::{Error, Result};
use crate::extension::{Start, explain};
use crate::generation_settings::report_for_tasks;
use crate::learning_rates::warn_of_rates;
use crate::progress::pipeline::PipelineProgress;
use crate::session::Session;
use crate::signals::Signals;
use crate::sweep::shared::Shared;

/// The part of a configuration to run.
pub(crate) enum Mode<'a> {
    /// Some of its stages.
    Train(Vec<Stage>),
    /// Only adaptation, from the prompts in this file.
    Adapt(&'a Path),
}

impl Mode<'_> {
    /// Returns the stages that are run.
    fn stages(&self) -> &[Stage] {
        match self {
            Self::Train(stages) => stages,
            Self::Adapt(_) => &[Stage::Targets],
        }
    }

    /// Returns whether results of other stages in the folder are kept.
    fn is_partial(&self) -> bool {
        matches!(self, Self::Train(stages) if stages.len() < Stage::ALL.len())
    }

    fn start(&self) -> Start<'_> {
        match self {
            Self::Train(_) => Start::Prompts,
            Self::Adapt(_) => Start::AdaptedPrompts,
        }
    }
}

/// A run of `mtpt train` or `mtpt adapt` whose settings and folder have been checked.
pub(crate) struct PipelineJob<'a> {
    arguments: &'a Run,
    mode: &'a Mode<'a>,
    run: RunFile,
    dir: PathBuf,
}

impl<'a> PipelineJob<'a> {
    /// Reads a configuration, changes it, and checks the output folder.
    pub(crate) fn prepare(
        arguments: &'a Run,
        mode: &'a Mode<'a>,
        change: &impl Fn(StagedRunConfig, &[Task]) -> StagedRunConfig,
    ) -> Result<Self> {
        let path = &arguments.config;
        let parse = |text: &str| {
            RunFile::parse(text, path)
                .map_err(|error| check_is_for_prompts(path, text).err().unwrap_or(error.into()))
        };
        let (_, mut run) = read_with_settings(path, &arguments.set, parse)?;
        run.config = change(run.config, &run.tasks);
        warn_of_rates(&run.config);
        let dir = run_dir(arguments);
        let job = Self { arguments, mode, run, dir };
        let stages = job.has_stages().then(|| mode.stages());
        check_run_dir(arguments, &job.dir, stages)?;
        Ok(job)
    }

    /// Loads the model of the run.
    pub(crate) fn load_model(&self, device: &Device) -> Result<Model> {
        Ok(self.run.load_model(device)?)
    }

    /// Returns whether another run has the same model, with weights in the same format.
    pub(crate) fn has_model_of(&self, other: &Self) -> bool {
        let backbone = |job: &Self| job.run.config.run.backbone;
        self.run.model == other.run.model && backbone(self) == backbone(other)
    }

    /// Returns whether the configuration makes several runs.
    pub(crate) fn has_stages(&self) -> bool {
        self.run.config.first_stage().is_some()
    }

    /// Trains and writes the folder. `shared` is what the runs of a sweep have in common.
    pub(crate) fn execute(
        &self,
        model: &Model,
        device: &str,
        signals: &Signals,
        shared: Option<&Shared>,
    ) -> Result<PipelineReport> {
        let Self { arguments, mode, run, dir } = self;
        let path = &arguments.config;
        let have_text = run.tasks.iter().map(|task| task.labels().is_text());
        report_for_tasks(model.t5(), have_text, run.config.run.training.max_target_length)?;
        let pipeline = run.pipeline(model).map_err(|error| Error::in_config(path, error))?;
        let pipeline = match shared {
            Some(shared) => pipeline.data_cache(&shared.cache),
            None => pipeline,
        };
        let mut progress =
            PipelineProgress::new(shared.map(|it| it.lines.clone()).unwrap_or_default());
        let continues = arguments.resume || mode.is_partial();
        let mut session = Session::new(dir, device, &run.model, continues)?;
        let observer = (&mut progress, (&mut session, signals));
        let pipeline = pipeline.resume(arguments.resume).observer(observer);
        let done = match mode {
            Mode::Train(selected) => pipeline.run(dir, selected),
            Mode::Adapt(prompts) => pipeline.adapt(dir, prompts),
        };
        drop(progress);
        session.end(done.map_err(|error| {
            let failed = |error| explain(Error::in_config(path, error), arguments, &mode.start());
            signals.interruption(&error).unwrap_or_else(|| failed(error))
        }))
    }
}
