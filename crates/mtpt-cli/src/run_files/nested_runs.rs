use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::run_files::config::read_config;
use crate::run_files::history::{History, read_history};

/// A run in a subfolder of another run: a teacher, or a target.
pub(crate) struct NestedRun {
    /// Path from the folder of the outer run, with `/` as the separator.
    pub(crate) path: String,
    pub(crate) steps: usize,
    pub(crate) history: History,
    /// Whether the run has a report.
    pub(crate) has_report: bool,
}

/// File name of a report in the run folder.
pub(crate) const REPORT: &str = "report.html";
/// Maximum depth of nested runs. Names of tasks are paths themselves.
const MAX_DEPTH: usize = 6;
/// Subfolders of a run that contain no runs.
const SKIPPED: [&str; 3] = ["checkpoints", "tensorboard", "model"];

/// Finds the runs in subfolders, sorted by path.
pub(crate) fn find_nested_runs(root: &Path) -> Result<Vec<NestedRun>> {
    let mut found = Vec::new();
    search(root, Path::new(""), MAX_DEPTH, &mut found)?;
    Ok(found)
}

fn search(root: &Path, inside: &Path, depth: usize, found: &mut Vec<NestedRun>) -> Result<()> {
    for folder in subfolders(root, inside)? {
        if let Some(run) = read_nested_run(&root.join(&folder), &folder)? {
            found.push(run);
        }
        if depth > 1 {
            search(root, &folder, depth - 1, found)?;
        }
    }
    Ok(())
}

/// Returns the sorted paths of subfolders from `root`. Symbolic links are skipped, because they may
/// form a cycle.
fn subfolders(root: &Path, inside: &Path) -> Result<Vec<PathBuf>> {
    let path = root.join(inside);
    let failed = |source| Error::Read { path: path.clone(), source };
    let mut folders = Vec::new();
    for entry in fs::read_dir(&path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let is_dir = entry.file_type().map_err(failed)?.is_dir();
        if is_dir && !SKIPPED.iter().any(|skipped| name == *skipped) {
            folders.push(inside.join(name));
        }
    }
    folders.sort();
    Ok(folders)
}

fn read_nested_run(run: &Path, relative: &Path) -> Result<Option<NestedRun>> {
    let (config, metrics) = (run.join("config.toml"), run.join("metrics.jsonl"));
    // Other programs use these file names, too. Only a run has both.
    if !config.is_file() || !metrics.is_file() {
        return Ok(None);
    }
    let (Some(config), Some(history)) = (read_config(&config)?, read_history(&metrics)?) else {
        return Ok(None);
    };
    let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
    Ok(Some(NestedRun {
        path: parts.join("/"),
        steps: config.settings.training.steps,
        history,
        has_report: run.join(REPORT).is_file(),
    }))
}
