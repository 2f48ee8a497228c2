//! Advice on how to fix an error, where the program can find out more about its cause.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use mtpt::io::IoError;
use mtpt::t5::{ConfigError, TokenizerError, WeightsError};
use mtpt::tasks::nearest_name;
use mtpt::{infer, t5, train};

use crate::error::Error;

/// Returns what to do about an error, as a clause without a full stop.
pub(crate) fn for_error(error: &Error) -> Option<String> {
    match error {
        Error::Model(t5::Error::Weights(WeightsError::ModelNotFound { model })) => {
            missing_model(Path::new(model))
        }
        Error::Model(
            t5::Error::Weights(WeightsError::MissingFile { folder, .. })
            | t5::Error::Tokenizer(TokenizerError::NotFound { folder }),
        ) => Some(incomplete_model(folder)),
        Error::Model(t5::Error::Weights(WeightsError::Adapter { kind, .. })) => Some(
            if kind.contains("PROMPT_TUNING") {
                "pass that model with `--model`, and this folder with `--prompts`"
            } else {
                "merge it into its model with PEFT's `merge_and_unload`, and save the result"
            }
            .to_owned(),
        ),
        Error::Model(t5::Error::Config(ConfigError::UnsupportedSettings { .. })) => {
            Some("`mtpt generate --ignore-generation-config` ignores the file".to_owned())
        }
        Error::Infer(error) => for_prompt_error(error).map(str::to_owned),
        Error::Train(train::Error::Checkpoint(
            train::CheckpointError::NoneIntact { .. } | train::CheckpointError::NoCheckpoint { .. },
        )) => Some("pass `--force` instead of `--resume` to start over".to_owned()),
        _ => None,
    }
    .or_else(|| for_failed_access(error))
}

fn for_prompt_error(error: &infer::Error) -> Option<&'static str> {
    use infer::Error::{Format, TaskCount};
    use infer::FormatError::{NotRepresentable, UnknownComposition};
    match error {
        Format(NotRepresentable { .. }) => Some("choose one with `--task NAME`"),
        Format(UnknownComposition { .. }) => {
            Some("convert them to a prompt file with `mtpt import --format npy --strategy`")
        }
        TaskCount { .. } => {
            Some("name each task once, in order, with `--task NAME` or `--tasks CONFIG.toml`")
        }
        _ => None,
    }
}

fn missing_model(path: &Path) -> Option<String> {
    if path.is_file() {
        Some("it is a file, not a model folder".to_owned())
    } else {
        nearest_path(path)
    }
}

fn incomplete_model(folder: &Path) -> String {
    const LISTED: usize = 3;
    let mut found = models_below(folder, 3);
    if found.is_empty() {
        // The folder of a part of the model.
        let parent = folder.parent().filter(|parent| is_model(parent));
        found.extend(parent.map(Path::to_owned));
    }
    let listed: Vec<String> =
        found.iter().take(LISTED).map(|path| format!("`{}`", path.display())).collect();
    match found.len() {
        0 => "choose the folder with `config.json`, the weights (`model.safetensors`) and the \
              tokenizer (`tokenizer.json` or `spiece.model`) of a T5 model"
            .to_owned(),
        1 => format!("there is a model in {}", listed[0]),
        count if count > LISTED => {
            format!("there are models in {} and {} more", listed.join(", "), count - LISTED)
        }
        _ => format!("there are models in {}", listed.join(", ")),
    }
}

fn for_failed_access(error: &Error) -> Option<String> {
    let (action, path, source) = failed_access(error)?;
    let advice = match source.kind() {
        ErrorKind::NotFound if action == "read" => return nearest_path(path),
        ErrorKind::NotADirectory if action == "read" => {
            "a file has the name of a required folder; move the file, or choose another path"
        }
        ErrorKind::IsADirectory => "expected a file, found a folder",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem if action != "read" => {
            "choose a writable location with `--output`, or change the permissions"
        }
        ErrorKind::PermissionDenied => "change the permissions, or use a copy",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists if action != "read" => {
            "a file has the name of a required folder; choose another path with `--output`"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some disk space; files written earlier are complete"
        }
        ErrorKind::FileTooLarge => {
            "raise the file size limit (`ulimit -f`); files written earlier are complete"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

/// Returns the action, the path and the error of the operating system.
fn failed_access(error: &Error) -> Option<(&'static str, &Path, &io::Error)> {
    let IoError { action, path, source } = match error {
        Error::Read { path, source } => return Some(("read", path, source)),
        Error::Io(error) => Some(error),
        Error::Tensors(error) => error.io_error(),
        Error::Tasks(error) => error.io_error(),
        Error::Model(error) => error.io_error(),
        Error::Infer(error) => error.io_error(),
        Error::Train(error) => error.io_error(),
        _ => None,
    }?;
    Some((action, path, source))
}

/// Suggests the existing path that is most similar to a mistyped one.
fn nearest_path(path: &Path) -> Option<String> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let name = path.file_name()?.to_str()?;
    let Ok(entries) = fs::read_dir(parent.unwrap_or(Path::new("."))) else {
        return parent.map(|parent| format!("there is no folder `{}`", parent.display()));
    };
    let names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let nearest = nearest_name(name, names.iter().map(String::as_str))?;
    let nearest = parent.map_or_else(|| PathBuf::from(nearest), |parent| parent.join(nearest));
    Some(format!("did you mean `{}`?", nearest.display()))
}

fn is_model(folder: &Path) -> bool {
    folder.join("config.json").is_file()
}

/// Searches subfolders for model configurations. Caches keep models a few levels down, training
/// programs one folder for each checkpoint.
fn models_below(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    let (mut models, others): (Vec<_>, Vec<_>) =
        folders.into_iter().partition(|folder| is_model(folder));
    if models.is_empty() && depth > 1 {
        models.extend(others.iter().flat_map(|folder| models_below(folder, depth - 1)));
    }
    models
}
