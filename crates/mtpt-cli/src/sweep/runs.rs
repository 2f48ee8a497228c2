use mtpt::train::error_line;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::stdio::{self, Output, message};
use crate::sweep::conclusion::conclusion;
use crate::sweep::results::{SweptRun, table};
use crate::sweep::variants::Variant;

/// Runs the variants of a sweep, writes a row for each, and compares them in the end. `run` gets
/// the position of a variant and returns the summary of its run.
///
/// # Errors
///
/// - [`Error::Interrupted`] if a signal ended a run, and with it the sweep.
/// - [`Error::SweepFailed`] if some runs failed. The others have been done.
pub(crate) fn run_all(
    variants: &[Variant],
    mut run: impl FnMut(usize) -> Result<Map<String, Value>>,
) -> Result<()> {
    let mut output = Output::new();
    let mut done = Vec::new();
    for (position, variant) in variants.iter().enumerate() {
        let (number, total) = (position + 1, variants.len());
        message(&format!("run {number} of {total}: {}", variant.label()));
        let result = match run(position) {
            Ok(summary) => Ok(summary),
            Err(interrupted @ Error::Interrupted { .. }) => {
                if !done.is_empty() {
                    stdio::table(&table(&done));
                }
                return Err(interrupted);
            }
            Err(error) => {
                let error = error_line(&error);
                message(&format!("run {number} of {total} failed: {error}"));
                Err(error)
            }
        };
        let swept = SweptRun::new(variant.folder(), variant.values.clone(), result);
        output.row(&swept.row())?;
        output.flush()?;
        done.push(swept);
    }
    stdio::table(&table(&done));
    conclusion(&done).iter().for_each(|line| message(line));
    match done.iter().filter(|run| run.result.is_err()).count() {
        0 => Ok(()),
        failed => Err(Error::SweepFailed { failed, total: done.len() }),
    }
}
