use std::path::Path;

use mtpt::tasks::{Task, TaskFile};
use mtpt::train::{Pipeline, PipelineReport, Stage, StagedRunConfig};
use serde::Serialize;

use crate::args::training::{Run, Train};
use crate::config::{read_with_settings, resolve_path};
use crate::destination::run_dir;
use crate::error::{Error, Result};
use crate::model::{Model, open_device};
use crate::progress::pipeline::PipelineProgress;
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

/// What to run of a configuration.
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

/// Reads a configuration, changes it, runs its stages, and writes the results to standard output.
pub(crate) fn run_pipeline(
    arguments: &Run,
    change: impl FnOnce(StagedRunConfig, &[Task]) -> StagedRunConfig,
    mode: &Mode<'_>,
) -> Result<()> {
    let device = open_device(&arguments.device.device)?;
    let path = &arguments.config;
    let parse = |text: &str| StagedRunConfig::parse(text, path);
    let (text, config) = read_with_settings(path, &arguments.set, parse)?;
    let tasks = TaskFile::parse(&text, path)?.into_tasks();
    let config = change(config, &tasks);
    let in_config = |error| Error::in_config(path, error);
    let model = Model::load(&resolve_path(path, &config.run.model), &device)?;
    let tokenizer = model.tokenizer()?;
    let dir = run_dir(arguments)?;
    let pipeline =
        Pipeline::new(&config, &tasks, &model.t5, tokenizer.as_inner()).map_err(in_config)?;
    let mut progress = PipelineProgress::default();
    let signals = Signals::watch()?;
    let pipeline = pipeline.resume(arguments.resume).observer((&mut progress, &signals));
    let done = match mode {
        Mode::Train(selected) => pipeline.run(&dir, selected),
        Mode::Adapt(prompts) => pipeline.adapt(&dir, prompts),
    };
    drop(progress);
    let done =
        done.map_err(|error| signals.interruption(&error).unwrap_or_else(|| in_config(error)))?;
    drop(signals);
    write_results(&done, config.first_stage().is_some())
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
