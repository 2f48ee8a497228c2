use std::borrow::Cow;
use std::path::Path;

use mtpt::core::TaskIndex;
use mtpt::infer::PromptFormat;
use mtpt::tasks::TaskId;
use serde::Serialize;

use crate::args::exchange::Export;
use crate::args::values::Format;
use crate::destination::is_same_file;
use crate::error::{Error, Result};
use crate::model::open_device;
use crate::prompts::PromptSource;
use crate::stdio::Output;

/// Summary on standard output.
#[derive(Serialize)]
struct Summary<'a> {
    #[serde(serialize_with = "crate::lossy_path::serialize")]
    output: &'a Path,
    files: Vec<Cow<'a, str>>,
    tasks: Vec<&'a TaskId>,
}

pub(crate) fn run(arguments: &Export) -> Result<()> {
    let output = &arguments.output;
    if is_same_file(&arguments.prompts, output) {
        return Err(Error::OutputIsInput { path: output.clone() });
    }
    let source = PromptSource { path: &arguments.prompts, no_decoder_prompt: false };
    let prompts = source.read(&open_device("auto")?)?;
    let task = arguments.task.as_deref().map(|name| prompts.find(name)).transpose()?;
    let is_array = output.extension().is_some_and(|extension| extension == "npy");
    let default = if is_array { Format::Npy } else { Format::Peft };
    let format = arguments.format.unwrap_or(default);
    let files = PromptFormat::from(format).files(&prompts, task, output)?;
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
        files: files.paths().map(Path::to_string_lossy).collect(),
        tasks: match task {
            Some(task) => vec![name(task)],
            None => prompts.tasks().iter().map(|task| &task.name).collect(),
        },
    })?;
    rows.flush()
}
