use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::output::event_file;
use crate::output::event_file::EventFile;
use crate::run::observer::{EvaluationEvent, MeanEvent, Observer, StepEvent};

/// Writes what `metrics.jsonl` has, and the mean of the tasks, as event files of TensorBoard: `tensorboard --logdir RUN`.
///
/// | Tag | Value |
/// |---|---|
/// | `loss`, `loss/TASK` | cross entropy for each target token, in nats |
/// | `added_loss/NAME` | what the objective adds to it, such as `logits` and `hidden` of distillation |
/// | `learning_rate`, `task_learning_rate` | the second where parameters of tasks have a rate of their own |
/// | `gradient_norm` | before clipping |
/// | `rows_per_second` | |
/// | `dev/TASK/METRIC`, `dev/mean` | fractions; nats for the metric `loss` |
///
/// Every process writes a file of its own, which begins at the first event. A run that goes on tells in it which steps are
/// void, and TensorBoard drops what earlier files have of them.
#[derive(Debug)]
pub struct TensorBoard {
    folder: PathBuf,
    /// The first step that this process tells of.
    first_step: usize,
    file: Option<EventFile>,
}

impl TensorBoard {
    /// Makes the folder, if it is not there, and keeps the event files that it has, unless the run is at its beginning.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made, or the files of an earlier run cannot be removed.
    pub fn open(folder: &Path, steps_done: usize) -> Result<Self> {
        let folder = folder.to_owned();
        fs::create_dir_all(&folder).map_err(|source| Error::File {
            action: "make",
            path: folder.clone(),
            source,
        })?;
        if steps_done == 0 {
            event_file::remove_all(&folder)?;
        }
        // The models that are trained whole are judged before the first step, too.
        let first_step = if steps_done == 0 { 0 } else { steps_done + 1 };
        Ok(Self { folder, first_step, file: None })
    }

    fn scalars(
        &mut self,
        step: usize,
        scalars: impl IntoIterator<Item = (String, f64)>,
    ) -> Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => EventFile::create(&self.folder, self.first_step)?,
        };
        self.file.insert(file).scalars(step, scalars)
    }
}

impl Observer for TensorBoard {
    fn step(&mut self, event: &StepEvent<'_>) -> Result<()> {
        let named = |name: &str, value| (name.to_owned(), value);
        let of_task = event.task_losses.iter().map(|(task, loss)| (format!("loss/{task}"), *loss));
        let added = event.added_losses.iter();
        let added = added.map(|(name, loss)| (format!("added_loss/{name}"), *loss));
        let rates = [
            Some(named("learning_rate", event.learning_rate)),
            event.task_learning_rate.map(|rate| named("task_learning_rate", rate)),
        ];
        let rest = [
            named("gradient_norm", event.gradient_norm),
            named("rows_per_second", event.rows as f64 / event.seconds.max(1e-9)),
        ];
        let scalars = [named("loss", event.loss)].into_iter().chain(of_task).chain(added);
        self.scalars(event.step, scalars.chain(rates.into_iter().flatten()).chain(rest))
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> Result<()> {
        let EvaluationEvent { step, split, task, metric, value } = event;
        self.scalars(*step, [(format!("{split}/{task}/{metric}"), *value)])
    }

    fn mean(&mut self, event: &MeanEvent<'_>) -> Result<()> {
        let MeanEvent { step, split, value, .. } = event;
        self.scalars(*step, [(format!("{split}/mean"), *value)])
    }
}
