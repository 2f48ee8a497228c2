use std::path::PathBuf;

use burn::module::Module;
use serde_json::Value;

use crate::error::Result;
use crate::output::checkpoint;
use crate::output::run_dir::RunDir;
use crate::run::observer::Observer;
use crate::run::state::RunState;
use crate::run::trainer::Trainer;

/// The checkpoints of a run: where and when they are written.
pub(crate) struct CheckpointSchedule {
    /// Their directory, if the run writes any.
    dir: Option<PathBuf>,
    /// Steps between checkpoints; 0 writes one only if the run ends early.
    every: usize,
    /// Identity of the run.
    identity: Value,
    /// The newest checkpoint.
    newest: Option<Newest>,
}

struct Newest {
    path: PathBuf,
    steps_done: usize,
    evaluation_pending: bool,
}

impl CheckpointSchedule {
    pub(crate) fn new(dir: Option<&RunDir>, every: usize, identity: Value) -> Self {
        Self { dir: dir.map(RunDir::checkpoints), every, identity, newest: None }
    }

    /// Restores a run from its newest intact checkpoint, if there is one.
    pub(crate) fn resume<M: Module>(
        &mut self,
        trainer: Trainer<M>,
        observer: &mut impl Observer,
    ) -> Result<RunState<M>> {
        let dir = self.dir.clone().unwrap_or_default();
        let restored = checkpoint::resume(&dir, trainer, &self.identity)?;
        if let Some(path) = restored.path {
            for damage in &restored.damaged {
                observer.note(&format!("{damage}; resuming from `{}`", path.display()));
            }
            self.newest = Some(Newest {
                path,
                steps_done: restored.state.trainer.steps_done(),
                evaluation_pending: restored.state.evaluation_pending,
            });
        }
        Ok(restored.state)
    }

    /// Returns whether the run has written a checkpoint or was restored from one.
    pub(crate) fn has_any(&self) -> bool {
        self.newest.is_some()
    }

    /// Writes a checkpoint after a step and its evaluation, if one is due: every so many steps,
    /// and after the last.
    pub(crate) fn write_if_due<M: Module>(
        &mut self,
        state: &RunState<M>,
        is_last: bool,
        observer: &mut impl Observer,
    ) -> Result<()> {
        let steps_done = state.trainer.steps_done();
        if self.every > 0 && (is_last || steps_done.is_multiple_of(self.every)) {
            self.write(state, observer)?;
        }
        Ok(())
    }

    /// Writes a checkpoint unless it exists, and returns its path if the run writes any.
    pub(crate) fn write<M: Module>(
        &mut self,
        state: &RunState<M>,
        observer: &mut impl Observer,
    ) -> Result<Option<PathBuf>> {
        let Some(dir) = &self.dir else { return Ok(None) };
        let (steps_done, evaluation_pending) =
            (state.trainer.steps_done(), state.evaluation_pending);
        if let Some(newest) = &self.newest
            && (newest.steps_done, newest.evaluation_pending) == (steps_done, evaluation_pending)
        {
            return Ok(Some(newest.path.clone()));
        }
        observer.before_checkpoint()?;
        let path = checkpoint::write(dir, state, &self.identity)?;
        self.newest = Some(Newest { path: path.clone(), steps_done, evaluation_pending });
        Ok(Some(path))
    }
}
