//! What may help against an error, where the program can look around for it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use mtpt::t5::{self, TokenizerError, WeightsError};
use mtpt::tasks::nearest_name;

use crate::error::Error;

/// A sentence that says what to do, without an end mark, if there is one to be said.
pub(crate) fn of(error: &Error) -> Option<String> {
    if let Error::Model(t5::Error::Weights(WeightsError::ModelNotFound { model })) = error {
        let path = Path::new(model);
        return if path.is_file() { Some("it is a file".to_owned()) } else { nearest_path(path) };
    }
    if let Error::Model(
        t5::Error::Weights(WeightsError::MissingFile { folder, .. })
        | t5::Error::Tokenizer(TokenizerError::NotFound { folder }),
    ) = error
    {
        return model_below(folder, 3)
            .map(|found| format!("there is a model in `{}`", found.display()))
            .or_else(|| Some("choose the folder that holds `config.json`, the weights (`model.safetensors`) and the tokenizer (`tokenizer.json` or `spiece.model`) of a T5".to_owned()));
    }
    if let Error::Infer(mtpt::infer::Error::NoForm { .. }) = error {
        return Some("name one with `--task NAME`".to_owned());
    }
    if let Error::Infer(mtpt::infer::Error::UnknownComposition { .. }) = error {
        return Some(
            "make a prompt file of them with `mtpt import --format npy --strategy`".to_owned(),
        );
    }
    if let Error::Infer(mtpt::infer::Error::TaskCount { .. }) = error {
        return Some(
            "name each once, in their order, with `--task NAME` or in `--tasks CONFIG.toml`"
                .to_owned(),
        );
    }
    if let Error::Train(mtpt::train::Error::NoWholeCheckpoint { .. }) = error {
        return Some("leave `--resume` away for that".to_owned());
    }
    let (action, path, source) = failed_access(error)?;
    match source.kind() {
        ErrorKind::NotFound if action == "read" => nearest_path(path),
        ErrorKind::NotADirectory if action == "read" => Some(
            "a file is in the place of a folder; move it away, or name another path".to_owned(),
        ),
        ErrorKind::IsADirectory => Some("expected a file, found a folder".to_owned()),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem if action != "read" => Some(
            "choose a place that you may write to with `--output`, or change its permissions"
                .to_owned(),
        ),
        ErrorKind::PermissionDenied => Some("change its permissions, or take a copy".to_owned()),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists if action != "read" => Some(
            "a file is in the place of a folder; choose another place with `--output`".to_owned(),
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("make room; what was written before is whole".to_owned())
        }
        ErrorKind::FileTooLarge => Some(
            "raise the limit on the size of files (`ulimit -f`); what was written before is whole"
                .to_owned(),
        ),
        _ => None,
    }
}

/// What was being done with which file or folder, where the operating system said no.
fn failed_access(error: &Error) -> Option<(&'static str, &Path, &io::Error)> {
    use mtpt::io::{IoError, TensorError};
    use mtpt::{infer, train};
    match error {
        Error::Read { path, source } => Some(("read", path, source)),
        Error::Tasks(error)
        | Error::Infer(infer::Error::Tasks(error))
        | Error::Train(
            train::Error::Tasks(error) | train::Error::Infer(infer::Error::Tasks(error)),
        ) => reading_task(error),
        Error::Model(t5::Error::Io { action, path, source })
        | Error::Infer(infer::Error::File { action, path, source })
        | Error::Train(
            train::Error::File { action, path, source }
            | train::Error::Infer(infer::Error::File { action, path, source })
            | train::Error::Io(IoError { action, path, source })
            | train::Error::Tensors(TensorError::Io(IoError { action, path, source }))
            | train::Error::Infer(
                infer::Error::Io(IoError { action, path, source })
                | infer::Error::Tensors(TensorError::Io(IoError { action, path, source })),
            ),
        )
        | Error::Io(IoError { action, path, source })
        | Error::Infer(
            infer::Error::Io(IoError { action, path, source })
            | infer::Error::Tensors(TensorError::Io(IoError { action, path, source })),
        ) => Some((action, path, source)),
        _ => None,
    }
}

fn reading_task(error: &mtpt::tasks::Error) -> Option<(&'static str, &Path, &io::Error)> {
    match error {
        mtpt::tasks::Error::InTask { problem, .. }
        | mtpt::tasks::Error::InTaskFile { problem, .. }
        | mtpt::tasks::Error::InCorpus { problem, .. } => reading_task(problem),
        mtpt::tasks::Error::Read { path, source } => Some(("read", path, source)),
        _ => None,
    }
}

/// A path that is not there may be a mistyped one: the nearest of its neighbours.
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

/// The first folder below, at most so deep, that has the configuration of a model: caches keep models some levels down.
fn model_below(folder: &Path, depth: usize) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    let has_config = |folder: &&PathBuf| folder.join("config.json").is_file();
    folders.iter().find(has_config).cloned().or_else(|| {
        let depth = depth.checked_sub(1).filter(|&depth| depth > 0)?;
        folders.iter().find_map(|folder| model_below(folder, depth))
    })
}
