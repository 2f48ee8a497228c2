//! `mtpt inspect`: the contents of a file or folder, as text or as one JSON object.

mod data_file;
mod description;
mod export;
pub(crate) mod lengths;
mod model;
mod prompts;
mod run;
mod run_list;
mod task_file;
mod tensors;

use std::path::Path;

use mtpt::infer::{self, FormatError, PromptFormat, prompt_file};
use mtpt::io::SafetensorsFile;

use crate::args::inspection::Inspect;
use crate::commands::inspect::description::Description;
#[cfg(feature = "t5x")]
use crate::error::Error;
use crate::error::Result;
use crate::run_files::existing_run::runs_below;
use crate::stdio::Output;

pub(crate) fn run(arguments: &Inspect) -> Result<()> {
    if let Some(file) = &arguments.export {
        return export::export(&arguments.path, arguments.split.into(), file);
    }
    let description = describe(arguments)?;
    let mut output = Output::new();
    if arguments.json {
        output.row(&description.json)?;
    } else {
        output.text(&description.text)?;
    }
    output.flush()?;
    // A configuration that can't be trained is shown, too.
    description.problem.map_or(Ok(()), Err)
}

fn describe(arguments: &Inspect) -> Result<Description> {
    let path = arguments.path.as_path();
    if path.is_dir() {
        return describe_folder(path);
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension {
        Some("toml") => task_file::describe(path, arguments.model.as_deref()),
        Some("safetensors") => {
            let file = SafetensorsFile::open(path)?;
            if tensors::is_prompt_file(&file) {
                prompts::describe_file(path)
            } else {
                tensors::of_safetensors(&file)?.report(path)
            }
        }
        _ => match PromptFormat::detect(path)? {
            Some(PromptFormat::Peft) => prompts::describe_adapter(path.parent().unwrap_or(path)),
            _ if matches!(extension, Some("bin" | "pt" | "pth" | "ckpt")) => {
                tensors::read_pytorch(path)?.report(path)
            }
            Some(_) => prompts::describe_arrays(path),
            None => data_file::describe(path, arguments.encoding),
        },
    }
}

fn describe_folder(path: &Path) -> Result<Description> {
    if path.join("config.toml").is_file() {
        return run::describe(path);
    }
    match PromptFormat::detect(path) {
        Ok(Some(PromptFormat::Peft)) => prompts::describe_adapter(path),
        // The same files may contain a model, prompts, or both.
        #[cfg(feature = "t5x")]
        Ok(Some(PromptFormat::T5x)) => match prompts::describe_arrays(path) {
            Err(Error::Infer(infer::Error::Format(FormatError::NoT5xPrompt { .. }))) => {
                model::describe(path)
            }
            description => description,
        },
        Ok(Some(_)) => prompts::describe_arrays(path),
        Ok(None) => prompts::describe_file(&prompt_file(path)),
        Err(_) if !path.join("config.json").exists() && !runs_below(path).is_empty() => {
            run_list::describe(path)
        }
        // For a folder above adapters, or with parts of an adapter, the error says so.
        Err(error) if !path.join("config.json").exists() && concerns_prompts(&error) => {
            Err(error.into())
        }
        // For any other folder, the error names the first missing file of a model.
        Err(_) => model::describe(path),
    }
}

/// Returns whether a folder was recognized as one with prompts below it, with parts of an adapter,
/// or as part of a run.
fn concerns_prompts(error: &infer::Error) -> bool {
    match error {
        infer::Error::Format(FormatError::NoPrompts { below, .. }) => !below.is_empty(),
        infer::Error::Format(
            FormatError::NoAdapterConfig { .. } | FormatError::Checkpoint { .. },
        ) => true,
        _ => false,
    }
}
