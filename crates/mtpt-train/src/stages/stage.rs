use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A stage of multitask prompt tuning (Wang et al., 2023, section 3) that can be run separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Trains a plain prompt for each source task.
    Teachers,
    /// Trains the shared prompt and the task-specific parameters of the source tasks.
    Source,
    /// Adapts to the target tasks, starting from the trained prompts.
    Targets,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 3] = [Self::Teachers, Self::Source, Self::Targets];

    /// Returns the directory of the stage's runs, relative to that of the pipeline.
    pub fn dir(self) -> &'static str {
        match self {
            Self::Teachers => "teachers",
            Self::Source => "source",
            Self::Targets => "targets",
        }
    }

    /// Lists the directories of the stage's runs in that of the pipeline, sorted; empty if the
    /// stage has not been started.
    pub fn runs_in(self, pipeline: &Path) -> Vec<PathBuf> {
        let mut runs = Vec::new();
        collect_runs(&pipeline.join(self.dir()), &mut runs);
        runs
    }

    /// Lists the runs in the directory of a pipeline whose results are replaced when these stages
    /// start over, except the directory itself: those of the stages and of all later ones.
    ///
    /// An earlier stage stays, since a later one starts from it. If the runs of later stages
    /// stayed and the pipeline was interrupted before it reached them, resuming it would continue
    /// runs of another pipeline.
    pub fn replaced_by(stages: &[Self], pipeline: &Path) -> Vec<PathBuf> {
        let is_requested = |stage: &Self| stages.contains(stage);
        let last = Self::ALL.iter().rposition(is_requested);
        let replaced = (0..).zip(Self::ALL);
        let replaced = replaced.filter(|(at, stage)| is_requested(stage) || last < Some(*at));
        replaced.flat_map(|(_, stage)| stage.runs_in(pipeline)).collect()
    }
}

fn collect_runs(dir: &Path, runs: &mut Vec<PathBuf>) {
    if dir.join("config.toml").is_file() {
        runs.push(dir.to_owned());
    }
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    // Symbolic links are skipped, since they could form a cycle.
    let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut dirs: Vec<PathBuf> = entries.filter(is_dir).map(|entry| entry.path()).collect();
    dirs.sort();
    dirs.iter().for_each(|dir| collect_runs(dir, runs));
}
