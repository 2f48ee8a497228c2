use std::path::{Path, PathBuf};

use mtpt::tasks::evaluation::EvaluationRecord;
use mtpt::train::Stage;

use crate::error::Result;
use crate::run_files::config::{RunConfigFile, read_config};
use crate::run_files::evaluation::read_evaluation;
use crate::run_files::history::{History, read_history};
use crate::run_files::record::{RunRecord, SessionRecord};

/// A run in a list of runs, without its prompts.
pub(crate) struct ListedRun {
    /// Name in the list, with `/` as the separator.
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) config: RunConfigFile,
    pub(crate) history: History,
    pub(crate) evaluation: Option<EvaluationRecord>,
    pub(crate) sessions: Vec<SessionRecord>,
    /// Whether the run recorded its end.
    pub(crate) is_over: bool,
    /// Whether the run consists of stages, which are runs in subfolders.
    pub(crate) has_stages: bool,
}

impl ListedRun {
    /// Reads the run in a folder; `None` without a configuration.
    pub(crate) fn read(folder: &Path, name: &str) -> Result<Option<Self>> {
        let Some(config) = read_config(&folder.join("config.toml"))? else { return Ok(None) };
        Ok(Some(Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            config,
            history: read_history(&folder.join("metrics.jsonl"))?.unwrap_or_default(),
            evaluation: read_evaluation(&folder.join("evaluation.json"))?,
            sessions: RunRecord::read(folder)?.sessions,
            is_over: folder.join("outcome.json").is_file(),
            has_stages: Stage::ALL.iter().any(|stage| !stage.runs_in(folder).is_empty()),
        }))
    }

    /// Returns the number of steps in the configuration.
    pub(crate) fn steps(&self) -> usize {
        self.config.settings.training.steps
    }
}
