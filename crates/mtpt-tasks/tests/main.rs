//! Tests of the public interface, one module for each subject.

#![expect(clippy::unwrap_used, reason = "to this lint, a helper of tests is not a test")]

mod answers;
mod corpora;
mod denoising;
mod denoising_reference;
mod encoding;
mod glue_files;
mod metrics;
mod mixtures;
mod parquet;
mod readers;
mod reference;
mod splits;
mod streaming;
mod superglue;
mod task_files;
mod text_metrics;
mod trees;

use std::path::{Path, PathBuf};

use mtpt_tasks::{Error, Result};

/// The message of what must be an error.
fn message<T>(result: Result<T>) -> String {
    result.map(|_| ()).unwrap_err().to_string()
}

/// A folder of real data beside the project, unless it is absent, which is said.
#[expect(clippy::print_stderr, reason = "a test that is passed over says so")]
fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("passed over: there is no `{}`", path.display());
    None
}

/// The problem inside of what must be a problem of a task.
fn problem(error: Error) -> Error {
    match error {
        Error::InTask { problem, .. } => *problem,
        Error::InFile { problem, .. } => self::problem(*problem),
        other => other,
    }
}
