//! The directory of a pipeline.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_infer::{Prompts, prompt_file};
use mtpt_io::fs::{DirLock, remove_file};
use mtpt_tasks::Task;

use crate::config::stages::StagedRunConfig;
use crate::error::Result;
use crate::objective::teachers::Teachers;
use crate::output::run_dir::{OUTCOME, PROMPTS, RunDir};
use crate::stages::error::StageError;
use crate::stages::plan::{Plan, TeacherPrompts, teacher_dir};
use crate::stages::stage::Stage;

/// The directory of a pipeline, with one subdirectory per run: `teachers/TASK`, `source`,
/// `targets/TASK`, or `targets` if the targets are trained together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workspace<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) resume: bool,
}

/// A workspace that no other process writes to.
pub(crate) struct LockedWorkspace {
    pub(crate) dir: RunDir,
    _lock: DirLock,
}

impl Workspace<'_> {
    /// Returns the directory of a run.
    pub(crate) fn run_dir(&self, dir: &Path) -> PathBuf {
        // `join("")` would append a slash.
        if dir.as_os_str().is_empty() { self.dir.to_owned() } else { self.dir.join(dir) }
    }

    /// Returns the prompts of a completed run.
    pub(crate) fn completed(&self, dir: &Path) -> Result<PathBuf> {
        let dir = self.dir.join(dir);
        // If there are no prompts at all, the error of reading them names the missing file.
        if dir.join(PROMPTS).exists() && !dir.join(OUTCOME).exists() {
            return Err(StageError::Unfinished { path: dir }.into());
        }
        Ok(dir.join(PROMPTS))
    }

    /// Returns the file of few-shot results.
    pub(crate) fn few_shot_results(&self) -> PathBuf {
        self.dir.join("few_shot.jsonl")
    }

    /// Locks the directory, removes [outdated runs](Stage::replaced_by) unless this pipeline
    /// resumes, and writes the configuration.
    pub(crate) fn prepare<'t>(
        &self,
        plan: &Plan,
        config: &StagedRunConfig,
        tasks: impl Iterator<Item = &'t Task>,
    ) -> Result<LockedWorkspace> {
        let dir = RunDir::create(self.dir)?;
        let lock = dir.lock()?;
        dir.remove_temporary_files()?;
        if !self.resume {
            self.remove_outdated(plan)?;
        }
        // A resumed pipeline keeps its configuration until its runs have checked that they match.
        if !self.resume || !dir.config().exists() {
            dir.write_config(config, tasks)?;
        }
        Ok(LockedWorkspace { dir, _lock: lock })
    }

    fn remove_outdated(&self, plan: &Plan) -> Result<()> {
        let mut runs = vec![self.dir.to_owned()];
        runs.extend(Stage::replaced_by(&plan.stages, self.dir));
        self.check_inputs(&runs, plan)?;
        // Inner directories first, so that their parents are empty and can be removed.
        for run in runs.iter().rev() {
            RunDir::create(run)?.clear()?;
            if run != self.dir {
                let _ = fs::remove_dir(run);
            }
        }
        Ok(remove_file(&self.few_shot_results())?)
    }

    /// Checks that no input of the pipeline would be removed with the outdated runs.
    pub(crate) fn check_inputs(&self, runs: &[PathBuf], plan: &Plan) -> Result<()> {
        if self.resume {
            return Ok(());
        }
        let removed = runs.iter().filter_map(|run| run.join(PROMPTS).canonicalize().ok());
        let removed: Vec<PathBuf> = removed.collect();
        let is_removed = |path: &&PathBuf| {
            prompt_file(path).canonicalize().is_ok_and(|path| removed.contains(&path))
        };
        match plan.inputs.iter().find(is_removed) {
            Some(path) => Err(StageError::WouldRemove { path: path.clone() }.into()),
            None => Ok(()),
        }
    }
}

/// Reads the teachers of tasks.
pub(crate) fn read_teachers(
    teachers: &TeacherPrompts,
    tasks: &[Task],
    workspace: &Workspace<'_>,
    device: &Device,
) -> Result<Teachers> {
    let names = tasks.iter().map(Task::id);
    match teachers {
        TeacherPrompts::File(path) => Teachers::read(path, names, device),
        TeacherPrompts::Runs => {
            let prompts = names
                .clone()
                .map(|task| Ok(Prompts::read(&workspace.completed(&teacher_dir(task))?, device)?));
            Teachers::new(&prompts.collect::<Result<Vec<_>>>()?, names)
        }
    }
}
