use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::run_files::config::read_if_exists;

/// The result of few-shot adaptation: a line of `few_shot.jsonl`.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct FewShotResult {
    pub(crate) task: String,
    pub(crate) rows: usize,
    pub(crate) per_label: bool,
    pub(crate) split: String,
    pub(crate) metric: String,
    /// Value of the metric for each draw.
    pub(crate) values: Vec<f64>,
    pub(crate) mean: f64,
    pub(crate) deviation: Option<f64>,
}

/// Reads `few_shot.jsonl` of a run; empty if it doesn't exist.
///
/// # Errors
///
/// [`Error::File`] if a line is malformed. The file is written atomically, so no line may be
/// incomplete.
pub(crate) fn read_few_shot(path: &Path) -> Result<Vec<FewShotResult>> {
    let Some(text) = read_if_exists(path)? else { return Ok(Vec::new()) };
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| Error::File {
            path: path.to_owned(),
            problem: format!("line {number} is not a few-shot result: {error}"),
        })
    };
    (1..).zip(text.lines()).map(parse).collect()
}
