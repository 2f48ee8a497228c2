//! Results of earlier runs in a folder. Malformed files count, but don't fail the search.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::number_format::{counted, thousands};
use crate::run_files::config::{read_config, read_if_exists};
use crate::run_files::history::read_history;
use crate::run_files::record::{RunRecord, minutes, utc};

/// Files that a run writes after its first step or later.
const RESULTS: [&str; 5] = [
    "outcome.json",
    "prompts.safetensors",
    "evaluation.json",
    "few_shot.jsonl",
    "model/config.json",
];
/// Subfolders of a run that contain no runs.
const SKIPPED: [&str; 3] = ["checkpoints", "tensorboard", "model"];
/// Maximum depth of runs below a folder. Names of tasks are paths themselves.
const MAX_DEPTH: usize = 6;

/// Returns whether a folder contains a run that has made a step.
pub(crate) fn has_results(folder: &Path) -> bool {
    let log = folder.join("metrics.jsonl");
    RESULTS.iter().any(|name| folder.join(name).is_file())
        || log.metadata().is_ok_and(|log| log.len() > 0)
        || has_checkpoint(folder)
}

fn has_checkpoint(folder: &Path) -> bool {
    let entries = fs::read_dir(folder.join("checkpoints")).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("step-"))
}

/// Describes how far a run got and when: `60 of 60 steps, score 0.409 at step 40, ...`.
pub(crate) fn progress(folder: &Path) -> String {
    let settings = read_config(&folder.join("config.toml")).ok().flatten();
    let steps = settings.map_or(0, |config| config.settings.training.steps);
    let history = read_history(&folder.join("metrics.jsonl")).ok().flatten().unwrap_or_default();
    let mut facts = Vec::new();
    match (history.last_step(), steps) {
        (0, _) => {}
        (done, 0) => facts.push(counted(done, "step")),
        (done, steps) => {
            facts.push(format!("{} of {}", thousands(done), counted(steps, "step")));
        }
    }
    let outcome = read_if_exists(&folder.join("outcome.json")).ok().flatten().unwrap_or_default();
    let outcome: Value = serde_json::from_str(&outcome).unwrap_or_default();
    if let (Some(score), Some(step)) = (outcome["score"].as_f64(), outcome["step"].as_u64()) {
        facts.push(format!("score {} at step {step}", history.score_unit().format(score)));
    }
    facts.extend(last_change(folder));
    facts.join(", ")
}

/// Returns when a run ended, or was last changed.
fn last_change(folder: &Path) -> Option<String> {
    let recorded = RunRecord::read(folder).unwrap_or_default().sessions.pop();
    if let Some(ended) = recorded.and_then(|session| session.ended) {
        return Some(minutes(&ended));
    }
    let names = RESULTS.iter().chain(&["metrics.jsonl"]);
    let changed = names.filter_map(|name| folder.join(name).metadata().ok()?.modified().ok());
    changed.max().map(|time| minutes(&utc(time)))
}

/// Lists the runs in subfolders, sorted, with paths relative to the folder.
pub(crate) fn runs_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    search(folder, Path::new(""), MAX_DEPTH, &mut found);
    found
}

fn search(root: &Path, inside: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(root.join(inside)).into_iter().flatten().flatten();
    // Symbolic links are skipped, because they may form a cycle.
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<_> = folders.map(|entry| entry.file_name()).collect();
    names.retain(|name| !SKIPPED.iter().any(|skipped| name == skipped));
    names.sort();
    for name in names {
        let folder = inside.join(name);
        // Other programs use the name of the configuration, too.
        if root.join(&folder).join("config.toml").is_file() && has_results(&root.join(&folder)) {
            found.push(folder.clone());
        }
        if depth > 1 {
            search(root, &folder, depth - 1, found);
        }
    }
}
