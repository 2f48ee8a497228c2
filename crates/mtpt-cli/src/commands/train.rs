use std::fs;
use std::path::{Path, PathBuf};

use mtpt::tasks::{Task, TaskFile};
use mtpt::train::{Stage, StagedRunConfig, Stages};
use serde::Serialize;

use crate::args::{Run, Train};
use crate::device;
use crate::edit::read_with_settings;
use crate::error::{Error, Result};
use crate::model::{Model, beside};
use crate::output;
use crate::same_file::same_file;
use crate::signals::Signals;
use crate::stages_progress::StagesProgress;

/// What a run came to, on standard output.
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

/// What is done with a configuration.
pub(crate) enum Work<'a> {
    /// Some of its stages.
    Stages(Vec<Stage>),
    /// Adaptation from prompts that were learned before.
    Adapt(&'a Path),
}

pub(crate) fn run(arguments: &Train) -> Result<()> {
    let asked = if arguments.stage.is_empty() {
        Stage::ALL.to_vec()
    } else {
        arguments.stage.iter().map(|stage| stage.of_train()).collect()
    };
    work(&arguments.run, |config, _| config, &Work::Stages(asked))
}

/// Reads a configuration, changes it, does something with it, and tells on standard output what came of it.
pub(crate) fn work(
    arguments: &Run,
    change: impl FnOnce(StagedRunConfig, &[Task]) -> StagedRunConfig,
    work: &Work<'_>,
) -> Result<()> {
    let device = device::open(&arguments.on.device)?;
    let path = &arguments.config;
    let text =
        fs::read_to_string(path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let read = |text: &str| StagedRunConfig::parse(text, path);
    let (text, config) = read_with_settings(text, &arguments.set, read)?;
    let tasks = TaskFile::parse(&text, path)?.into_tasks();
    let config = change(config, &tasks);
    let in_config = |error| Error::in_config(path, error);
    let model = Model::load(&beside(path, &config.run.model), &device)?;
    let tokenizer = model.tokenizer()?;
    let folder = run_folder(arguments)?;
    let (tokenizer, device) = (tokenizer.as_inner(), device.autodiff());
    let t5 = &model.t5;
    let stages = Stages::new(&config, &tasks, t5, tokenizer, &device, &folder, arguments.resume)
        .map_err(in_config)?;
    let mut progress = StagesProgress::default();
    let signals = Signals::watch()?;
    let mut observer = (&mut progress, &signals);
    let done = match work {
        Work::Stages(asked) => stages.run(asked, &mut observer),
        Work::Adapt(prompts) => stages.adapt(prompts, &mut observer),
    };
    drop(progress);
    let done = done.map_err(|error| signals.ended(&error).unwrap_or_else(|| in_config(error)))?;
    drop(signals);
    let mut output = output::Output::new();
    if let (None, [run]) = (config.first_stage(), done.runs.as_slice()) {
        let (prompts, step) = (run.prompts.as_path(), Some(run.step));
        let (score, stopped_early) = (run.score, run.stopped_early);
        output.row(&Summary { prompts, step, score, stopped_early })?;
        return output.flush();
    }
    for run in &done.runs {
        output.row(run)?;
    }
    for figure in &done.few_shot {
        output.row(figure)?;
    }
    if let Some(prompts) = &done.prompts {
        output.row(&Summary { prompts, step: None, score: None, stopped_early: None })?;
    }
    output.flush()
}

/// The folder of a run, which must not be where a model or the run's own configuration is: they would be written over.
pub(crate) fn run_folder(arguments: &Run) -> Result<PathBuf> {
    let default = || Path::new("runs").join(arguments.config.file_stem().unwrap_or_default());
    let path = arguments.output.clone().unwrap_or_else(default);
    let own = path.join("config.toml");
    if path.join("config.json").is_file() {
        return Err(Error::Occupied { path, by: "a model" });
    }
    // A run that goes on may be told to by the configuration that it wrote itself.
    if !arguments.resume && same_file(&own, &arguments.config) {
        return Err(Error::Occupied { path, by: "the configuration itself" });
    }
    Ok(path)
}
