use std::io::ErrorKind;
use std::path::Path;

use mtpt::io::fs::read_to_string;
use mtpt::tasks::read_toml;
use serde::Deserialize;

use crate::error::{Error, Result};

/// The resolved configuration of a run.
pub(crate) struct RunConfigFile {
    pub(crate) text: String,
    pub(crate) settings: RunSettings,
}

/// The settings that descriptions of a run show.
#[derive(Default, Deserialize)]
pub(crate) struct RunSettings {
    #[serde(default)]
    pub(crate) model: String,
    #[serde(default)]
    pub(crate) seed: u64,
    #[serde(default)]
    pub(crate) training: TrainingSettings,
    /// Present in every run of `mtpt pretrain`, even if empty.
    pub(crate) corpora: Option<Vec<Named>>,
    #[serde(default)]
    pub(crate) tasks: Vec<Named>,
}

#[derive(Default, Deserialize)]
pub(crate) struct TrainingSettings {
    #[serde(default)]
    pub(crate) steps: usize,
}

/// A task or a corpus.
#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
}

/// Reads `config.toml` of a run; `None` if it doesn't exist.
pub(crate) fn read_config(path: &Path) -> Result<Option<RunConfigFile>> {
    let Some(text) = read_if_exists(path)? else { return Ok(None) };
    let settings = read_toml(&text).map_err(|problem| Error::File {
        path: path.to_owned(),
        problem: format!(
            "expected the configuration of a run: {}{}",
            problem.line.map(|line| format!("line {line}: ")).unwrap_or_default(),
            problem.message
        ),
    })?;
    Ok(Some(RunConfigFile { text, settings }))
}

/// Reads a text file; `None` if it doesn't exist.
pub(crate) fn read_if_exists(path: &Path) -> Result<Option<String>> {
    match read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
