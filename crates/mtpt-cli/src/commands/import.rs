use std::path::Path;

use mtpt::compose::CompositionConfig;
use mtpt::core::Compose;
use mtpt::infer::{PromptTask, Prompts};
use mtpt::t5::{locate, read_config};
use mtpt::tasks::{TaskFile, TaskId};
use serde::Serialize;

use crate::args::Import;
use crate::device;
use crate::error::{Error, Result};
use crate::output::Output;
use crate::parent::make_parent;
use crate::same_file::same_file;

/// What was written, on standard output.
#[derive(Serialize)]
struct Summary<'a> {
    prompts: &'a Path,
    composition: &'a CompositionConfig,
    length: usize,
    d_model: usize,
    tasks: Vec<&'a TaskId>,
}

pub(crate) fn run(arguments: &Import) -> Result<()> {
    let output = &arguments.output;
    if same_file(&arguments.path, output) {
        return Err(Error::Source { path: output.clone() });
    }
    if output.exists() && !arguments.force {
        return Err(Error::Exists { path: output.clone() });
    }
    let device = device::open("auto")?;
    let path = &arguments.path;
    let mut prompts = match (arguments.format, arguments.strategy) {
        (format, Some(strategy)) if format.has_arrays() && path.is_dir() => {
            Prompts::read_arrays(path, strategy.of_train(), &device)?
        }
        (_, Some(_)) => return Err(Error::NoArrays { path: path.clone() }),
        (format, None) => format.of_train().read(path, &device)?,
    };
    if let Some(tasks) = tasks(arguments, prompts.tasks())? {
        prompts = prompts.with_tasks(tasks)?;
    }
    if let Some(model) = &arguments.model {
        prompts = for_model(prompts, model)?;
    }
    make_parent(output)?;
    prompts.write(output)?;
    let header = prompts.header();
    let mut rows = Output::new();
    rows.row(&Summary {
        prompts: output,
        composition: &header.composition,
        length: prompts.composition().prompt_length(),
        d_model: header.d_model,
        tasks: header.tasks.iter().map(|task| &task.name).collect(),
    })?;
    rows.flush()
}

/// The tasks that the prompts are to be for, where they are told; a name alone changes nothing else of what is known of a task.
fn tasks(arguments: &Import, known: &[PromptTask]) -> Result<Option<Vec<PromptTask>>> {
    if let Some(path) = &arguments.tasks {
        let tasks = TaskFile::load(path)?;
        return Ok(Some(tasks.tasks().iter().map(PromptTask::new).collect()));
    }
    if arguments.task.is_empty() {
        return Ok(None);
    }
    let named = |(place, name): (usize, &String)| {
        let (template, labels) =
            known.get(place).map(|task| (task.template.clone(), task.labels.clone())).unzip();
        let (template, labels) = (template.flatten(), labels.flatten());
        Ok(PromptTask { name: TaskId::new(name)?, template, labels })
    };
    arguments.task.iter().enumerate().map(named).collect::<Result<_>>().map(Some)
}

/// Prompts whose header names a model, which they must fit.
fn for_model(prompts: Prompts, model: &Path) -> Result<Prompts> {
    let config = read_config(&locate(model)?)?;
    let found = prompts.header().d_model;
    if found != config.d_model {
        return Err(mtpt::infer::Error::Width { expected: config.d_model, found }.into());
    }
    Ok(prompts.with_model(&model.display().to_string()))
}
