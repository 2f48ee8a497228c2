use std::path::Path;

use mtpt::compose::CompositionConfig;
use mtpt::core::Compose;
use mtpt::infer::{DecoderPrompt, PromptFormat, PromptTask, Prompts};
use mtpt::io::fs::{create_parent, remove_temporary_files};
use mtpt::t5::{locate, read_config};
use mtpt::tasks::{TaskFile, TaskId};
use serde::Serialize;

use crate::args::exchange::Import;
use crate::config_kind::{Purpose, check_is_config};
use crate::destination::check_output;
use crate::error::{Error, Result};
use crate::model::open_device;
use crate::prompts::print_notes;
use crate::stdio::Output;

/// Summary on standard output.
#[derive(Serialize)]
struct Summary<'a> {
    #[serde(serialize_with = "crate::lossy_path::serialize")]
    prompts: &'a Path,
    composition: &'a CompositionConfig,
    length: usize,
    /// Number of further vectors for the decoder.
    #[serde(skip_serializing_if = "Option::is_none")]
    decoder_length: Option<usize>,
    d_model: usize,
    tasks: Vec<&'a TaskId>,
}

pub(crate) fn run(arguments: &Import) -> Result<()> {
    let output = &arguments.output;
    check_output(output, [arguments.path.as_path()], arguments.force)?;
    let device = open_device("auto")?;
    let path = &arguments.path;
    let format = match arguments.format.map(PromptFormat::from) {
        None if arguments.strategy.is_none() => PromptFormat::detect(path)?,
        format => format,
    };
    let mut prompts = match (format, arguments.strategy) {
        // Only arrays don't record how they are composed.
        (format, Some(strategy)) if format != Some(PromptFormat::Peft) && path.is_dir() => {
            Prompts::read_arrays(path, strategy.into(), &device)?
        }
        (_, Some(_)) => return Err(Error::NoArrays { path: path.clone() }),
        (Some(PromptFormat::Peft), None) if arguments.no_decoder_prompt => {
            PromptFormat::read_adapter(path, DecoderPrompt::Ignored, &device)?
        }
        (Some(format), None) => format.read(path, &device)?,
        // Prompts in this program's own format get other names of tasks, or another model.
        (None, None) => Prompts::read(path, &device)?,
    };
    print_notes(&prompts, arguments.no_decoder_prompt);
    if let Some(tasks) = tasks(arguments, prompts.tasks())? {
        prompts = prompts.with_tasks(tasks)?;
    }
    if let Some(model) = &arguments.model {
        prompts = for_model(prompts, model)?;
    }
    create_parent(output)?;
    remove_temporary_files(output)?;
    prompts.write(output)?;
    let header = prompts.header();
    let mut rows = Output::new();
    rows.row(&Summary {
        prompts: output,
        composition: &header.composition,
        length: prompts.composition().prompt_length() - header.decoder_length,
        decoder_length: Some(header.decoder_length).filter(|length| *length > 0),
        d_model: header.d_model,
        tasks: header.tasks.iter().map(|task| &task.name).collect(),
    })?;
    rows.flush()
}

/// Returns the tasks that the arguments name. `--task` only renames a known task; its template and
/// label words stay.
fn tasks(arguments: &Import, known: &[PromptTask]) -> Result<Option<Vec<PromptTask>>> {
    if let Some(path) = &arguments.tasks {
        check_is_config(path, Purpose::Tasks)?;
        let tasks = TaskFile::load(path)?;
        return Ok(Some(tasks.tasks().iter().map(PromptTask::new).collect()));
    }
    if arguments.task.is_empty() {
        return Ok(None);
    }
    let named = |(index, name): (usize, &String)| {
        let name = TaskId::new(name).map_err(mtpt::tasks::Error::from)?;
        Ok(match known.get(index) {
            Some(task) => PromptTask { name, ..task.clone() },
            None => PromptTask::named(name),
        })
    };
    arguments.task.iter().enumerate().map(named).collect::<Result<_>>().map(Some)
}

/// Checks that the prompts fit a model, and records its name in their header.
fn for_model(prompts: Prompts, model: &Path) -> Result<Prompts> {
    let config = read_config(&locate(model)?)?;
    let found = prompts.header().d_model;
    if found != config.d_model {
        return Err(mtpt::infer::Error::Width { expected: config.d_model, found }.into());
    }
    Ok(prompts.with_model(&model.display().to_string()))
}
