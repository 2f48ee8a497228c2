use std::path::{Path, PathBuf};
use std::{env, fs, io};

use mtpt_io::fs::{DirLock, lock_dir, remove_temporary_files, write_atomic};
use mtpt_tasks::{Task, TaskConfig};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::output::checkpoint;
use crate::output::metrics_log::MetricsLog;
use crate::output::tensorboard::TensorBoard;

/// The folder of a run: `config.toml`, `metrics.jsonl`, `tensorboard/`, `checkpoints/`, and `prompts.safetensors` or, of continued
/// pretraining, `model/`.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

#[derive(Serialize)]
struct Document<'a, C> {
    #[serde(flatten)]
    config: &'a C,
    tasks: Vec<TaskConfig>,
}

/// The file of a run's prompts.
pub(crate) const PROMPTS: &str = "prompts.safetensors";

/// The file that a run writes at its end.
pub(crate) const OUTCOME: &str = "outcome.json";

/// Removes a file, if it is there.
pub(crate) fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::File { action: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

impl RunFolder {
    /// Makes the folder, if it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(|source| Error::File {
            action: "make",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { path: path.to_owned() })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration as it was resolved, with every default in its place.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// What was measured, a JSON object a line.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The same, and the mean of the tasks, as event files of TensorBoard.
    pub fn tensorboard(&self) -> PathBuf {
        self.path.join("tensorboard")
    }

    /// The best prompts so far.
    pub fn prompts(&self) -> PathBuf {
        self.path.join(PROMPTS)
    }

    /// Where a run that was interrupted goes on.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Removes the checkpoints of an earlier run: a new one must never go on from them. What else is in their folder stays.
    ///
    /// # Errors
    ///
    /// When they cannot be removed.
    pub fn remove_checkpoints(&self) -> Result<()> {
        checkpoint::remove_all(&self.checkpoints())
    }

    /// Removes the prompts and the outcome of an earlier run, if there are any.
    ///
    /// # Errors
    ///
    /// When they cannot be removed.
    pub fn remove_prompts(&self) -> Result<()> {
        remove_if_there(&self.outcome())?;
        remove_if_there(&self.prompts())
    }

    /// Takes away all that an earlier run wrote.
    pub(crate) fn clear(&self) -> Result<()> {
        self.remove_checkpoints()?;
        self.remove_prompts()?;
        remove_if_there(&self.metrics())?;
        remove_if_there(&self.config())?;
        let events = self.tensorboard();
        if events.is_dir() {
            let failed = |source| Error::File { action: "remove", path: events.clone(), source };
            fs::remove_dir_all(&events).map_err(failed)?;
        }
        // What else is there is others', and stays.
        let _ = fs::remove_dir(self.checkpoints());
        Ok(())
    }

    /// What the run came to: `{"step", "score", "stopped_early"}`. It is there when the run has come to its end, and not before.
    pub fn outcome(&self) -> PathBuf {
        self.path.join(OUTCOME)
    }

    /// Keeps other processes from writing to the folder, as long as what it returns is there; a process that ends in whatever
    /// way lets go of it. Without effect where folders cannot be locked: on Windows, and on some network file systems.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`], when another run writes there.
    pub(crate) fn lock(&self) -> Result<DirLock> {
        lock_dir(&self.path)?.ok_or_else(|| Error::InUse { path: self.path.clone() })
    }

    /// Opens what a run tells its course to, which keeps what was told before: see [`MetricsLog::open_after`] and
    /// [`TensorBoard::open`].
    pub(crate) fn open_logs(
        &self,
        steps_done: usize,
        unjudged: bool,
    ) -> Result<(MetricsLog, TensorBoard)> {
        let log = MetricsLog::open_after(&self.metrics(), steps_done, unjudged)?;
        Ok((log, TensorBoard::open(&self.tensorboard(), steps_done)?))
    }

    /// Removes what a process that was killed left half-written beside the run's files.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub(crate) fn remove_drafts(&self) -> Result<()> {
        [self.config(), self.metrics(), self.prompts()]
            .iter()
            .try_for_each(|path| Ok(remove_temporary_files(path)?))
    }

    /// The model that was trained whole, in the form that it came in.
    pub fn model(&self) -> PathBuf {
        self.path.join("model")
    }

    /// Writes a configuration, a [`RunConfig`](crate::RunConfig) or [`StagedRunConfig`](crate::StagedRunConfig), with its tasks,
    /// whole or not at all.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_config<'a>(
        &self,
        config: &impl Serialize,
        tasks: impl Iterator<Item = &'a Task>,
    ) -> Result<()> {
        // Files are found from wherever the configuration is read.
        let failed = |source| Error::File { action: "find", path: PathBuf::from("."), source };
        let folder = env::current_dir().map_err(failed)?;
        let tasks = tasks.map(|task| task.config().clone().in_folder(&folder)).collect();
        self.write(&Document { config, tasks })
    }

    /// Writes what stands in the configuration.
    pub(crate) fn write(&self, document: &impl Serialize) -> Result<()> {
        let path = self.config();
        let text = toml::to_string(document).map_err(|error| Error::Config {
            path: path.clone(),
            line: None,
            message: error.to_string(),
        })?;
        Ok(write_atomic(&path, text.as_bytes())?)
    }
}
