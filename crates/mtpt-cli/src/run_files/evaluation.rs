use std::path::Path;

use mtpt::tasks::evaluation::EvaluationRecord;

use crate::error::{Error, Result};
use crate::run_files::config::read_if_exists;

/// Reads `evaluation.json` of a run; `None` if it doesn't exist.
///
/// # Errors
///
/// [`Error::File`] if the file is malformed. It is written atomically.
pub(crate) fn read_evaluation(path: &Path) -> Result<Option<EvaluationRecord>> {
    let Some(text) = read_if_exists(path)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| Error::File {
        path: path.to_owned(),
        problem: format!(
            "line {}, column {}: expected the evaluation of a run; remove the file, or rerun the \
             training",
            error.line(),
            error.column()
        ),
    })
}
