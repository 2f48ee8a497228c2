use std::path::{Path, PathBuf};
use std::{env, fs};

use mtpt_io::IoError;
use mtpt_io::fs::{
    DirLock, create_dir_all, lock_dir, remove_all_temporary_files, remove_dir_all, remove_file,
    write_atomic,
};
use mtpt_tasks::{Task, TaskConfig};
use serde::Serialize;

use crate::config::error::ConfigError;
use crate::error::Result;
use crate::output::checkpoint;
use crate::output::error::CheckpointError;
use crate::output::metrics_log::MetricsLog;
use crate::output::tensorboard::TensorBoard;

/// Name of the file of a run's prompts.
pub(crate) const PROMPTS: &str = "prompts.safetensors";

/// Name of the file that a run writes at its end.
pub(crate) const OUTCOME: &str = "outcome.json";

/// The directory of a run: `config.toml`, `metrics.jsonl`, `tensorboard/`, `checkpoints/`, and
/// `prompts.safetensors` or, for pretraining, `model/`.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
}

#[derive(Serialize)]
struct Document<'a, C> {
    #[serde(flatten)]
    config: &'a C,
    tasks: Vec<TaskConfig>,
}

impl AsRef<Path> for RunDir {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl RunDir {
    /// Creates the directory if it does not exist.
    ///
    /// # Errors
    ///
    /// When it cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        create_dir_all(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file of the resolved configuration, with all defaults.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// Returns the file of losses and metrics, with one JSON object per line.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// Returns the directory of TensorBoard event files, with the same values and the means of the
    /// tasks.
    pub fn tensorboard(&self) -> PathBuf {
        self.path.join("tensorboard")
    }

    /// Returns the file of the best prompts so far.
    pub fn prompts(&self) -> PathBuf {
        self.path.join(PROMPTS)
    }

    /// Returns the directory of checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Returns the directory of a model whose weights were all trained, in the format it was
    /// loaded from.
    pub fn model(&self) -> PathBuf {
        self.path.join("model")
    }

    /// Returns the file of the run's outcome: `{"step", "score", "stopped_early"}`. It exists only
    /// if the run is complete.
    pub fn outcome(&self) -> PathBuf {
        self.path.join(OUTCOME)
    }

    /// Returns the file of the results at the end of the run, an
    /// [`EvaluationRecord`](mtpt_tasks::EvaluationRecord).
    pub fn evaluation(&self) -> PathBuf {
        self.path.join("evaluation.json")
    }

    /// Returns the file of the baselines of the tasks, a
    /// [`BaselinesRecord`](mtpt_tasks::evaluation::BaselinesRecord), written before the first step.
    pub fn baselines(&self) -> PathBuf {
        self.path.join("baselines.json")
    }

    /// Returns whether the directory contains the results of a run that reached its end.
    pub(crate) fn is_complete(&self) -> bool {
        self.outcome().is_file() || self.model().join("config.json").is_file()
    }

    /// Returns the file in which a program records the sessions of a run: `mtpt` writes its
    /// version, command and device, and the time and steps of every session. This crate only
    /// removes it.
    pub fn record(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// Removes the checkpoints of an earlier run, which a new run must never resume. Other files in
    /// their directory stay.
    ///
    /// # Errors
    ///
    /// When they cannot be removed.
    pub fn remove_checkpoints(&self) -> Result<()> {
        checkpoint::remove_all(&self.checkpoints())
    }

    /// Removes the prompts, the outcome, the results and the record of an earlier run, if there are
    /// any.
    ///
    /// # Errors
    ///
    /// When they cannot be removed.
    pub fn remove_prompts(&self) -> Result<()> {
        remove_file(&self.outcome())?;
        [self.record(), self.evaluation(), self.baselines(), self.prompts()]
            .iter()
            .try_for_each(|path| Ok(remove_file(path)?))
    }

    /// Removes the outcome and the results of a run that is extended, which don't describe the
    /// prompts that it saves from now on.
    pub(crate) fn remove_outcome(&self) -> Result<()> {
        remove_file(&self.evaluation())?;
        Ok(remove_file(&self.outcome())?)
    }

    /// Removes everything that an earlier run wrote. Other files stay.
    pub(crate) fn clear(&self) -> Result<()> {
        self.remove_checkpoints()?;
        self.remove_prompts()?;
        remove_file(&self.metrics())?;
        remove_file(&self.config())?;
        let events = self.tensorboard();
        if events.is_dir() {
            remove_dir_all(&events)?;
        }
        // Fails if there are other files.
        let _ = fs::remove_dir(self.checkpoints());
        Ok(())
    }

    /// Keeps other processes from writing to the directory while the returned lock exists.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::InUse`] when another run has locked it.
    pub(crate) fn lock(&self) -> Result<DirLock> {
        let lock = lock_dir(&self.path)?;
        Ok(lock.ok_or_else(|| CheckpointError::InUse { path: self.path.clone() })?)
    }

    /// Removes temporary files and folders left by a killed process, whatever it was writing. The
    /// directory must be locked.
    ///
    /// # Errors
    ///
    /// When they cannot be removed.
    pub(crate) fn remove_temporary_files(&self) -> Result<()> {
        Ok(remove_all_temporary_files(&self.path)?)
    }

    /// Opens the logs of a run and removes what they contain beyond the given state, with a stale
    /// evaluation also its values: see [`MetricsLog::open_after`] and [`TensorBoard::open`].
    pub(crate) fn open_logs(
        &self,
        steps_done: usize,
        stale_evaluation: bool,
    ) -> Result<(MetricsLog, TensorBoard)> {
        let log = MetricsLog::open_after(&self.metrics(), steps_done, stale_evaluation)?;
        Ok((log, TensorBoard::open(&self.tensorboard(), steps_done)?))
    }

    /// Writes a configuration, a [`RunConfig`](crate::RunConfig) or
    /// [`StagedRunConfig`](crate::StagedRunConfig), together with its tasks.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_config<'a>(
        &self,
        config: &impl Serialize,
        tasks: impl Iterator<Item = &'a Task>,
    ) -> Result<()> {
        // Relative paths would depend on where the configuration is read.
        let current = env::current_dir().map_err(IoError::with("find", Path::new(".")))?;
        let tasks = tasks.map(|task| task.config().clone().in_folder(&current)).collect();
        self.write(&Document { config, tasks })
    }

    /// Writes the contents of the configuration file.
    pub(crate) fn write(&self, document: &impl Serialize) -> Result<()> {
        let path = self.config();
        let text = toml::to_string(document);
        let text = text.map_err(|error| ConfigError::in_file(&path, &error))?;
        Ok(write_atomic(&path, text.as_bytes())?)
    }
}
