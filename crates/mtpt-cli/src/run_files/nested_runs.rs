use std::path::Path;

use crate::run_files::existing_run::runs_below;
use crate::run_files::listed_run::ListedRun;

/// The runs in subfolders of a folder.
#[derive(Default)]
pub(crate) struct NestedRuns {
    /// The runs, sorted by path.
    pub(crate) runs: Vec<ListedRun>,
    /// Runs with files that can't be read: their paths and the reasons.
    pub(crate) unreadable: Vec<(String, String)>,
}

/// File name of a report in the run folder.
pub(crate) const REPORT: &str = "report.html";

/// Reads the runs in subfolders. A broken run doesn't hide the others.
pub(crate) fn find_nested_runs(root: &Path) -> NestedRuns {
    let mut found = NestedRuns::default();
    for folder in runs_below(root) {
        let name = folder.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        match ListedRun::read(&root.join(&folder), &name) {
            Ok(run) => found.runs.extend(run),
            Err(error) => found.unreadable.push((name, error.to_string())),
        }
    }
    found
}
