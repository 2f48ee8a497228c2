//! Files and folders that are passed in place of a configuration.

use std::path::{Path, PathBuf};

use mtpt::infer::{self, FormatError, PromptFormat};
use mtpt::train::PretrainingConfig;

use crate::error::{Error, Result};
use crate::run_files::existing_run::{has_results, runs_below};

/// Extensions of data files, also before that of a compressed file.
const DATA: [&str; 7] = ["csv", "tsv", "jsonl", "ndjson", "json", "parquet", "txt"];
/// Extensions of compressed files.
const COMPRESSED: [&str; 2] = ["gz", "zst"];
/// Extensions of files with tensors.
const TENSORS: [&str; 6] = ["safetensors", "npy", "npz", "bin", "pt", "pth"];

/// The purpose of a configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A run.
    Run,
    /// Only the tasks in it.
    Tasks,
}

/// Checks that a path can be a configuration (TOML).
///
/// # Errors
///
/// [`Error::NoConfig`] for a data file, prompts, a model or a run, with what to do instead. A file
/// of another kind is left to the parser, a missing one to the reader.
pub(crate) fn check_is_config(path: &Path, purpose: Purpose) -> Result<()> {
    let expected = match purpose {
        Purpose::Run => "a run configuration",
        Purpose::Tasks => "a task file or run configuration",
    };
    let refused =
        |found, advice| Err(Error::NoConfig { path: path.to_owned(), expected, found, advice });
    let shown = path.display();
    if path.is_dir() {
        let config = path.join("config.toml");
        return if config.is_file() && has_results(path) {
            let mut advice = format!("its configuration is `{}`", config.display());
            if purpose == Purpose::Run {
                advice += &format!(", and `--output {shown} --resume` continues it");
            }
            refused("the folder of a run", advice)
        } else if path.join("config.json").is_file() {
            let advice =
                format!("write a configuration with `mtpt init DATA --model {shown}` first");
            refused("a model", advice)
        } else {
            Err(in_place_of_config(path, expected))
        };
    }
    if !path.is_file() {
        return Ok(());
    }
    let extension =
        |path: &Path| path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let mut kind = extension(path).unwrap_or_default();
    if COMPRESSED.contains(&kind.as_str()) {
        kind = extension(&PathBuf::from(path.file_stem().unwrap_or_default())).unwrap_or_default();
    }
    if DATA.contains(&kind.as_str()) {
        let advice = match purpose {
            Purpose::Run => {
                format!("write a configuration with `mtpt init {shown} --model DIR` first")
            }
            Purpose::Tasks => format!(
                "name it as `dev` or `test` of a task, or label its rows with `mtpt predict \
                 --input {shown}`"
            ),
        };
        refused("a data file", advice)
    } else if TENSORS.contains(&kind.as_str()) {
        let advice = "to start from prompts, pass a configuration, and the prompts with \
                      `--set prompt.start_from=PATH` or `mtpt adapt --prompts PATH`";
        refused("a file of tensors", advice.to_owned())
    } else {
        Ok(())
    }
}

/// Returns the error about a folder that is neither a model nor a run.
fn in_place_of_config(path: &Path, expected: &'static str) -> Error {
    let shown = path.display();
    let (found, advice) = match PromptFormat::detect(path) {
        Err(error @ infer::Error::Format(FormatError::Checkpoint { .. })) => return error.into(),
        Ok(_) => (
            "prompts",
            format!(
                "to start from them, pass a configuration, and the prompts with `--set \
                 prompt.start_from={shown}` or `mtpt adapt --prompts {shown}`"
            ),
        ),
        Err(_) => match &runs_below(path)[..] {
            [] => ("a folder", "pass a TOML file".to_owned()),
            [first, ..] => {
                let run = path.join(first);
                let run = run.display();
                (
                    "a folder of runs",
                    format!(
                        "`mtpt report {shown}` compares them, and `mtpt train {run}/config.toml \
                         --output {run} --resume` continues the first"
                    ),
                )
            }
        },
    };
    Error::NoConfig { path: path.to_owned(), expected, found, advice }
}

/// Checks that a configuration is for the command that reads it: pretraining has corpora.
///
/// # Errors
///
/// [`Error::NoConfig`] for a configuration of `mtpt pretrain`.
pub(crate) fn check_is_for_prompts(path: &Path, text: &str) -> Result<()> {
    let has_corpora = text.lines().any(|line| line.trim_start().starts_with("[[corpora]]"));
    if has_corpora && PretrainingConfig::parse(text, path).is_ok() {
        let advice = format!("run `mtpt pretrain {}`", path.display());
        let (expected, found) =
            ("a configuration of prompt tuning", "one of continued pretraining");
        return Err(Error::NoConfig { path: path.to_owned(), expected, found, advice });
    }
    Ok(())
}
