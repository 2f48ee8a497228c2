//! Files and folders that a command writes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mtpt::io::fs::{remove_temporary_files, write_atomic};
use mtpt::train::Stage;

use crate::args::training::Run;
use crate::error::{Error, Result};
use crate::run_files::existing_run::{has_results, progress, runs_below};

/// Returns whether two paths lead to the same existing file or folder.
pub(crate) fn is_same_file(first: &Path, second: &Path) -> bool {
    let [first, second] = [first, second].map(Path::canonicalize);
    matches!((first, second), (Ok(first), Ok(second)) if first == second)
}

/// Returns the path of a file next to another one, whose name is longer by a suffix.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(suffix);
    path.into()
}

/// Checks that a command may write a file.
///
/// # Errors
///
/// [`Error::OutputIsInput`] for one of the inputs, and [`Error::Exists`] for any other file unless
/// it may be overwritten.
pub(crate) fn check_output<'a>(
    output: &Path,
    inputs: impl IntoIterator<Item = &'a Path>,
    force: bool,
) -> Result<()> {
    if inputs.into_iter().any(|input| is_same_file(input, output)) {
        return Err(Error::OutputIsInput { path: output.to_owned() });
    }
    if output.exists() && !force {
        return Err(Error::Exists { path: output.to_owned() });
    }
    Ok(())
}

/// Writes an output file atomically, and removes the temporary files of killed processes.
pub(crate) fn write_output(path: &Path, bytes: &[u8]) -> Result<()> {
    remove_temporary_files(path)?;
    Ok(write_atomic(path, bytes)?)
}

/// Returns the run folder.
pub(crate) fn run_dir(arguments: &Run) -> PathBuf {
    let default = || Path::new("runs").join(arguments.config.file_stem().unwrap_or_default());
    arguments.output.clone().unwrap_or_else(default)
}

/// Checks that a run overwrites nothing in its folder. `stages` are those that it starts over, if
/// it has stages.
///
/// # Errors
///
/// - [`Error::Occupied`] for a model, or the configuration of the run.
/// - [`Error::RunExists`] and [`Error::RunsBelow`] for runs, unless one is resumed or `--force` is
///   given.
pub(crate) fn check_run_dir(arguments: &Run, path: &Path, stages: Option<&[Stage]>) -> Result<()> {
    let occupied = |by| Err(Error::Occupied { path: path.to_owned(), by });
    if path.join("config.json").is_file() {
        return occupied("a model");
    }
    // A run may be resumed with the configuration that it wrote itself.
    if !arguments.resume && is_same_file(&path.join("config.toml"), &arguments.config) {
        return occupied("the configuration itself");
    }
    if arguments.resume || arguments.force {
        return Ok(());
    }
    let replaced = stages.map_or_else(Vec::new, |stages| Stage::replaced_by(stages, path));
    let mut overwritten = [path.to_owned()].into_iter().chain(replaced);
    if let Some(run) = overwritten.find(|run| has_results(run)) {
        let progress = progress(&run);
        return Err(Error::RunExists { path: run, progress });
    }
    let mut below = runs_below(path);
    if stages.is_some() {
        let own = Stage::ALL.map(Stage::dir);
        below.retain(|run| !own.iter().any(|stage| run.starts_with(stage)));
    }
    if below.is_empty() { Ok(()) } else { Err(Error::RunsBelow { path: path.to_owned(), below }) }
}
