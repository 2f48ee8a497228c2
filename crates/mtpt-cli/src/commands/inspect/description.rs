use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};

/// A description of a file or folder, for programs and for people.
pub(crate) struct Description {
    pub(crate) json: Value,
    pub(crate) text: String,
    /// The error with which a command ends that uses it.
    pub(crate) problem: Option<Error>,
}

impl Description {
    pub(crate) fn new(path: &Path, json: &impl Serialize, text: String) -> Result<Self> {
        let json = serde_json::to_value(json)
            .map_err(|error| Error::File { path: path.to_owned(), problem: error.to_string() })?;
        Ok(Self { json, text, problem: None })
    }
}
