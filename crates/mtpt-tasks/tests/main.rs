//! Tests of the public interface.
//!
//! Run one module with `cargo test -p mtpt-tasks --test main MODULE`.

#![expect(clippy::unwrap_used, reason = "clippy does not recognize helper functions of tests")]

// Labels and targets: free text, candidates of each row, scales, groups.
mod answers;
// Encodings, line ends, headers, quotes and other files than tables.
mod tables;
// Compressed files, and streams whose format is detected.
mod compressed_files;
// Baselines, values per class and errors of scores.
mod baselines;
// Corpora: configuration, files, packing, and examples.
mod corpora;
// Properties of span corruption and prefix language modeling.
mod denoising;
// Generated reference of `denoising`.
mod denoising_reference;
// Tokenization and truncation of rows.
mod encoding;
// The form of the results of a run.
mod evaluation_records;
// GLUE's original files, if they are available.
mod glue_files;
// JSON as Python and other programs write it.
mod json_files;
// Any number of labels per row, and questions without an answer.
mod label_sets;
// Labels that are the same or look the same, integer labels, and metrics without options.
mod look_alikes;
// Classification metrics and correlations, and the majority baseline.
mod metrics;
// Mixing rates, the order of examples, and stochastic tasks.
mod mixtures;
// Parquet files.
mod parquet;
#[cfg(feature = "parquet")]
mod parquet_variants;
// Readers of the other formats, and detection of the format.
mod readers;
// Generated reference of `metrics` and `mixtures`.
mod reference;
// Published splits and few-shot sampling.
mod splits;
// Examples on disk, and rows read one by one.
mod streaming;
// Formats and tasks of SuperGLUE.
mod superglue;
// Task definitions in TOML: validation, hold-out, limits, groups and messages.
mod task_files;
// Metrics of generated text and of groups.
mod text_metrics;
// The tree of groups and tasks.
mod trees;

use std::path::{Path, PathBuf};

use mtpt_tasks::{Error, Result};

/// Returns the message of an expected error.
fn message<T>(result: Result<T>) -> String {
    result.map(|_| ()).unwrap_err().to_string()
}

/// Returns a folder of real data next to the repository. If it is absent, the test is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test prints why")]
fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: `{}` does not exist", path.display());
    None
}

/// Returns the error without its task and file.
fn problem(error: Error) -> Error {
    match error {
        Error::InTask { problem, .. } => *problem,
        Error::InFile { problem, .. } => self::problem(*problem),
        other => other,
    }
}
