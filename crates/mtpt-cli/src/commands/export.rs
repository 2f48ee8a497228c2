use std::path::Path;

use mtpt::core::TaskIndex;
use mtpt::infer::Prompts;
use mtpt::tasks::TaskId;
use serde::Serialize;

use crate::args::Export;
use crate::device;
use crate::error::{Error, Result};
use crate::output::Output;
use crate::same_file::same_file;

/// What was written, on standard output.
#[derive(Serialize)]
struct Summary<'a> {
    output: &'a Path,
    files: Vec<&'a Path>,
    tasks: Vec<&'a TaskId>,
}

pub(crate) fn run(arguments: &Export) -> Result<()> {
    let output = &arguments.output;
    if same_file(&arguments.prompts, output) {
        return Err(Error::Source { path: output.clone() });
    }
    let prompts = Prompts::read(&arguments.prompts, &device::open("auto")?)?;
    let task = arguments.task.as_deref().map(|name| prompts.find(name)).transpose()?;
    let files = arguments.format.of_train().files(&prompts, task, output)?;
    if let Some(path) = files.paths().find(|path| path.exists())
        && !arguments.force
    {
        return Err(Error::Exists { path: path.to_owned() });
    }
    files.write()?;
    let name = |task: TaskIndex| &prompts.tasks()[task.position()].name;
    let mut rows = Output::new();
    rows.row(&Summary {
        output,
        files: files.paths().collect(),
        tasks: match task {
            Some(task) => vec![name(task)],
            None => prompts.tasks().iter().map(|task| &task.name).collect(),
        },
    })?;
    rows.flush()
}
