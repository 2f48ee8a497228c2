use std::path::Path;

use mtpt::tasks::evaluation::{BaselinesRecord, EvaluationRecord};
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::run_files::config::read_if_exists;

/// Reads `evaluation.json` of a run; `None` if it doesn't exist, as in a run that hasn't ended.
///
/// # Errors
///
/// [`Error::File`] if the file is malformed. It is written atomically.
pub(crate) fn read_evaluation(path: &Path) -> Result<Option<EvaluationRecord>> {
    read(path, "the evaluation of a run")
}

/// Reads `baselines.json` of a run; `None` if it doesn't exist.
///
/// # Errors
///
/// As [`read_evaluation`].
pub(crate) fn read_baselines(path: &Path) -> Result<Option<BaselinesRecord>> {
    read(path, "the baselines of a run")
}

fn read<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<Option<T>> {
    let Some(text) = read_if_exists(path)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| Error::File {
        path: path.to_owned(),
        problem: format!(
            "line {}, column {}: expected {expected}; remove the file, or rerun the training",
            error.line(),
            error.column()
        ),
    })
}
