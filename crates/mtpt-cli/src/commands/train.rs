use std::path::Path;

use mtpt::tasks::Task;
use mtpt::train::{PipelineReport, Stage, StagedRunConfig};
use mtpt::{Model, RunFile};
use serde::Serialize;

use crate::args::training::{Run, Train};
use crate::config::read_with_settings;
use crate::destination::{check_run_dir, run_dir};
use crate::error::{Error, Result};
use crate::extension::{Start, explain};
use crate::generation_settings::report_for_tasks;
use crate::model::choose_device;
use crate::progress::pipeline::PipelineProgress;
use crate::session::Session;
use crate::signals::Signals;
use crate::stdio::Output;

/// Summary on standard output.
#[derive(Serialize)]
struct Summary<'a> {
    prompts: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_early: Option<usize>,
}

/// The part of a configuration to run.
pub(crate) enum Mode<'a> {
    /// Some of its stages.
    Train(Vec<Stage>),
    /// Only adaptation, from the prompts in this file.
    Adapt(&'a Path),
}

pub(crate) fn run(arguments: &Train) -> Result<()> {
    let stages = if arguments.stage.is_empty() {
        Stage::ALL.to_vec()
    } else {
        arguments.stage.iter().copied().map(Stage::from).collect()
    };
    run_pipeline(&arguments.run, |config, _| config, &Mode::Train(stages))
}

impl Mode<'_> {
    /// Returns the stages that are run.
    fn stages(&self) -> &[Stage] {
        match self {
            Self::Train(stages) => stages,
            Self::Adapt(_) => &[Stage::Targets],
        }
    }
}

/// Reads a configuration, changes it, runs its stages, and writes the results to standard output.
pub(crate) fn run_pipeline(
    arguments: &Run,
    change: impl FnOnce(StagedRunConfig, &[Task]) -> StagedRunConfig,
    mode: &Mode<'_>,
) -> Result<()> {
    let device = choose_device(&arguments.device.device)?;
    let path = &arguments.config;
    let parse = |text: &str| RunFile::parse(text, path);
    let (_, mut run) = read_with_settings(path, &arguments.set, parse)?;
    run.config = change(run.config, &run.tasks);
    let has_stages = run.config.first_stage().is_some();
    let dir = run_dir(arguments);
    check_run_dir(arguments, &dir, has_stages.then(|| mode.stages()))?;
    let model = Model::load(&run.model, &device.device)?;
    let have_text = run.tasks.iter().map(|task| task.labels().is_text());
    report_for_tasks(model.t5(), have_text, run.config.run.training.max_target_length)?;
    let pipeline = run.pipeline(&model).map_err(|error| Error::in_config(path, error))?;
    let mut progress = PipelineProgress::default();
    let signals = Signals::watch()?;
    // A stage that is run alone adds to the run in the folder.
    let continues = arguments.resume || mode.stages().len() < Stage::ALL.len();
    let mut session = Session::new(&dir, device.name, &run.model, continues);
    let observer = (&mut progress, (&mut session, &signals));
    let pipeline = pipeline.resume(arguments.resume).observer(observer);
    let done = match mode {
        Mode::Train(selected) => pipeline.run(&dir, selected),
        Mode::Adapt(prompts) => pipeline.adapt(&dir, prompts),
    };
    drop(progress);
    let start = match mode {
        Mode::Train(_) => Start::Prompts,
        Mode::Adapt(_) => Start::AdaptedPrompts,
    };
    let done = session.end(done.map_err(|error| {
        let interruption = signals.interruption(&error);
        interruption.unwrap_or_else(|| explain(Error::in_config(path, error), arguments, &start))
    }))?;
    drop(signals);
    write_results(&done, has_stages)
}

fn write_results(done: &PipelineReport, has_stages: bool) -> Result<()> {
    let mut output = Output::new();
    if let (false, [run]) = (has_stages, done.runs.as_slice()) {
        let (prompts, step) = (run.prompts.as_path(), Some(run.step));
        let (score, stopped_early) = (run.score, run.stopped_early);
        output.row(&Summary { prompts, step, score, stopped_early })?;
        return output.flush();
    }
    for run in &done.runs {
        output.row(run)?;
    }
    for result in &done.few_shot {
        output.row(result)?;
    }
    if let Some(prompts) = &done.prompts {
        output.row(&Summary { prompts, step: None, score: None, stopped_early: None })?;
    }
    output.flush()
}
