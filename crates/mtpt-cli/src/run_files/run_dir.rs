use std::fs;
use std::path::Path;

use mtpt::burn::tensor::Device;
use mtpt::infer::{PromptFile, PromptHeader, Prompts};
use mtpt::tasks::evaluation::EvaluationRecord;

use crate::error::{Error, Result};
use crate::run_files::config::{RunConfigFile, read_config};
use crate::run_files::evaluation::read_evaluation;
use crate::run_files::few_shot::{FewShotResult, read_few_shot};
use crate::run_files::history::{History, read_history};
use crate::run_files::nested_runs::{NestedRuns, find_nested_runs};
use crate::run_files::record::{RunRecord, SessionRecord};

/// The contents of a run folder. Any file may be missing.
pub(crate) struct RunDir {
    pub(crate) config: Option<RunConfigFile>,
    pub(crate) history: History,
    /// Header of the prompt file.
    pub(crate) header: Option<PromptHeader>,
    /// The prompts; `None` if another program brings their strategy.
    pub(crate) prompts: Option<Prompts>,
    /// Whether the run trained all model weights.
    pub(crate) has_model: bool,
    /// Whether the run recorded its end.
    pub(crate) is_over: bool,
    /// Results of few-shot adaptation.
    pub(crate) few_shot: Vec<FewShotResult>,
    /// The evaluation of the saved prompts.
    pub(crate) evaluation: Option<EvaluationRecord>,
    /// The processes that worked on the run.
    pub(crate) sessions: Vec<SessionRecord>,
    /// Runs in subfolders.
    pub(crate) nested: NestedRuns,
}

impl RunDir {
    /// Reads a run folder.
    ///
    /// # Errors
    ///
    /// If a file can't be read or is malformed, or the folder contains no file of a run.
    pub(crate) fn read(path: &Path, device: &Device) -> Result<Self> {
        if !path.is_dir() {
            // The error of the operating system is the most precise.
            fs::read_dir(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        }
        let config = read_config(&path.join("config.toml"))?;
        let history = read_history(&path.join("metrics.jsonl"))?;
        let prompts = path.join("prompts.safetensors");
        let (header, prompts) =
            if prompts.is_file() { read_prompts(&prompts, device)? } else { (None, None) };
        let nested = find_nested_runs(path);
        let is_run = config.is_some() || history.is_some() || header.is_some();
        if !is_run && nested.runs.is_empty() && nested.unreadable.is_empty() {
            let problem = "expected a run folder with `config.toml`, `metrics.jsonl` or \
                           `prompts.safetensors`, or a folder of runs, found none of them";
            return Err(Error::File { path: path.to_owned(), problem: problem.to_owned() });
        }
        Ok(Self {
            config,
            history: history.unwrap_or_default(),
            header,
            prompts,
            has_model: path.join("model/config.json").is_file(),
            is_over: path.join("outcome.json").is_file(),
            few_shot: read_few_shot(&path.join("few_shot.jsonl"))?,
            evaluation: read_evaluation(&path.join("evaluation.json"))?,
            sessions: RunRecord::read(path)?.sessions,
            nested,
        })
    }

    /// Returns whether the folder itself isn't a run, but contains runs in subfolders.
    pub(crate) fn is_folder_of_runs(&self) -> bool {
        self.config.is_none() && self.header.is_none() && self.history == History::default()
    }
}

fn read_prompts(path: &Path, device: &Device) -> Result<(Option<PromptHeader>, Option<Prompts>)> {
    use mtpt::compose::Error::CustomStrategy;
    use mtpt::infer::Error::Composition;
    let header = PromptHeader::from_file(&PromptFile::read(path)?, path)?;
    match Prompts::read(path, device) {
        Ok(prompts) => Ok((Some(header), Some(prompts))),
        // The file is valid. Only its strategy is unknown here.
        Err(Composition(CustomStrategy { .. })) => Ok((Some(header), None)),
        Err(error) => Err(error.into()),
    }
}
