//! `evaluation.json` and `baselines.json` of a run.

use std::path::Path;

use mtpt_io::fs::{read, write_atomic};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::output::error::CheckpointError;

/// Writes a record as one line of JSON.
pub(crate) fn write_record(path: &Path, record: &impl Serialize) -> Result<()> {
    let json = |source| CheckpointError::Json { path: path.to_owned(), source };
    let mut line = serde_json::to_vec(record).map_err(json)?;
    line.push(b'\n');
    Ok(write_atomic(path, &line)?)
}

/// Reads a record; none if the file doesn't exist, as in runs of earlier versions.
pub(crate) fn read_record<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    if !path.is_file() {
        return Ok(None);
    }
    let json = |source| CheckpointError::Json { path: path.to_owned(), source };
    Ok(Some(serde_json::from_slice(&read(path)?).map_err(json)?))
}
