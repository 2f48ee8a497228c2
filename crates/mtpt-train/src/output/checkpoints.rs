use std::path::PathBuf;

use burn::module::Module;
use serde::Serialize;

use crate::error::Result;
use crate::optim::trainer::Trainer;
use crate::output::checkpoint;
use crate::output::checkpoint::{Best, Checkpoint};
use crate::run::observer::Observer;
use crate::run::train::Output;

/// Where a run writes its checkpoints, and when.
pub(crate) struct Checkpoints<I> {
    /// Their folder; none where the run writes nothing.
    folder: Option<PathBuf>,
    /// Steps from one to the next; 0 for none but where the run ends early.
    every: usize,
    /// What the run is.
    identity: I,
    /// The newest one, with its step and whether the evaluation after it is still to come.
    newest: Option<(PathBuf, usize, bool)>,
}

impl<I: Serialize> Checkpoints<I> {
    pub(crate) fn new(output: Option<&Output>, every: usize, identity: I) -> Self {
        let folder = output.map(|output| output.folder.checkpoints());
        Self { folder, every, identity, newest: None }
    }

    /// Continues a trainer from the newest checkpoint that is whole, if there is one.
    pub(crate) fn resume<M: Module>(
        &mut self,
        trainer: Trainer<M>,
        observer: &mut impl Observer,
    ) -> Result<Checkpoint<M>> {
        let folder = self.folder.clone().unwrap_or_default();
        let checkpoint = checkpoint::resume(&folder, trainer, &self.identity)?;
        if let Some(place) = &checkpoint.place {
            for damage in &checkpoint.passed_over {
                observer.note(&format!("{damage}; going on from `{}`", place.display()));
            }
            let steps_done = checkpoint.trainer.steps_done();
            self.newest = Some((place.clone(), steps_done, checkpoint.unjudged));
        }
        Ok(checkpoint)
    }

    /// Writes a checkpoint after a step and its evaluation, if one is due: every so many steps, and after the last.
    pub(crate) fn write_if_due<M: Module>(
        &mut self,
        trainer: &Trainer<M>,
        best: Option<&Best<M>>,
        is_last: bool,
        observer: &mut impl Observer,
    ) -> Result<()> {
        if self.every > 0 && (is_last || trainer.steps_done().is_multiple_of(self.every)) {
            self.write(trainer, best, false, observer)?;
        }
        Ok(())
    }

    /// Writes a checkpoint, unless it is there; tells its place, where the run writes at all.
    pub(crate) fn write<M: Module>(
        &mut self,
        trainer: &Trainer<M>,
        best: Option<&Best<M>>,
        unjudged: bool,
        observer: &mut impl Observer,
    ) -> Result<Option<PathBuf>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let steps_done = trainer.steps_done();
        match &self.newest {
            Some((place, step, without)) if (*step, *without) == (steps_done, unjudged) => {
                Ok(Some(place.clone()))
            }
            _ => {
                observer.before_checkpoint()?;
                let place = checkpoint::write(folder, trainer, best, unjudged, &self.identity)?;
                self.newest = Some((place.clone(), steps_done, unjudged));
                Ok(Some(place))
            }
        }
    }
}
