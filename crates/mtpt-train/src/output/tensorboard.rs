use std::path::{Path, PathBuf};

use mtpt_io::fs::create_dir_all;

use crate::error::Result;
use crate::output::event_file;
use crate::output::event_file::EventFile;
use crate::run::observer::{EvaluationEvent, MeanEvent, Observer, StepEvent};

/// Writes the values of `metrics.jsonl` and the means of the tasks as TensorBoard event files:
/// `tensorboard --logdir RUN`.
///
/// | Tag | Value |
/// |---|---|
/// | `loss`, `loss/TASK` | cross entropy per target token, in nats |
/// | `added_loss/NAME` | auxiliary losses, such as `logits` and `hidden` of distillation |
/// | `learning_rate` | |
/// | `task_learning_rate` | if task-specific parameters have their own |
/// | `gradient_norm` | before clipping |
/// | `rows_per_second` | |
/// | `dev/TASK/METRIC`, `dev/mean` | fractions; nats for the metric `loss` |
///
/// Every process writes its own file, created at the first event. A resumed run invalidates the
/// later steps in earlier files, and TensorBoard drops them.
#[derive(Debug)]
pub struct TensorBoard {
    dir: PathBuf,
    /// The first step that this process reports.
    first_step: usize,
    file: Option<EventFile>,
}

impl TensorBoard {
    /// Creates the directory if it does not exist. At step 0, removes the event files in it.
    ///
    /// # Errors
    ///
    /// When the directory cannot be created, or event files cannot be removed.
    pub fn open(dir: &Path, steps_done: usize) -> Result<Self> {
        let dir = dir.to_owned();
        create_dir_all(&dir)?;
        if steps_done == 0 {
            event_file::remove_all(&dir)?;
        }
        // Pretraining also evaluates before the first step.
        let first_step = if steps_done == 0 { 0 } else { steps_done + 1 };
        Ok(Self { dir, first_step, file: None })
    }

    fn scalars(
        &mut self,
        step: usize,
        scalars: impl IntoIterator<Item = (String, f64)>,
    ) -> Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => EventFile::create(&self.dir, self.first_step)?,
        };
        self.file.insert(file).scalars(step, scalars)
    }
}

impl Observer for TensorBoard {
    fn step(&mut self, event: &StepEvent<'_>) -> Result<()> {
        let named = |name: &str, value| (name.to_owned(), value);
        let of_task = event.task_losses.iter().map(|(task, loss)| (format!("loss/{task}"), *loss));
        let added = event.auxiliary_losses.iter();
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
        let EvaluationEvent { step, split, task, metric, value, .. } = event;
        self.scalars(*step, [(format!("{split}/{task}/{metric}"), *value)])
    }

    fn mean(&mut self, event: &MeanEvent<'_>) -> Result<()> {
        let MeanEvent { step, split, value, .. } = event;
        self.scalars(*step, [(format!("{split}/mean"), *value)])
    }
}
