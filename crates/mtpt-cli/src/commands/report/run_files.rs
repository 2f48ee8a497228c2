use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use mtpt::burn::tensor::Device;
use mtpt::infer::PromptFile;
use mtpt::infer::{PromptHeader, Prompts};
use mtpt::tasks::read_toml;
use serde::Deserialize;

use super::few_rows::FewRows;
use super::history::History;
use crate::error::{Error, Result};

/// What is there in the folder of a run.
pub(super) struct RunFiles {
    pub(super) config: Option<Config>,
    pub(super) history: History,
    /// What the prompt file says of itself.
    pub(super) header: Option<PromptHeader>,
    /// The prompts; none of a strategy that another program brings.
    pub(super) prompts: Option<Prompts>,
    /// Whether the run trained a model whole.
    pub(super) has_model: bool,
    /// Whether the run has come to its end, as far as that is written down.
    pub(super) is_over: bool,
    /// What adaptation to a few rows came to.
    pub(super) few_rows: Vec<FewRows>,
    /// Runs in folders below, by their paths from this one.
    pub(super) below: Vec<RunBelow>,
}

/// The configuration that the run wrote.
pub(super) struct Config {
    pub(super) text: String,
    pub(super) said: Said,
}

/// What of it is told outside of its own section.
#[derive(Default, Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    pub(super) model: String,
    #[serde(default)]
    pub(super) seed: u64,
    #[serde(default)]
    pub(super) training: Training,
    /// A run of `mtpt pretrain` writes them, be they none.
    pub(super) corpora: Option<Vec<Named>>,
    #[serde(default)]
    pub(super) tasks: Vec<Named>,
}

#[derive(Default, Deserialize)]
pub(super) struct Training {
    #[serde(default)]
    pub(super) steps: usize,
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

/// A run that stands in a folder of another: a teacher, a target.
pub(super) struct RunBelow {
    /// From the folder of the run above, with `/`.
    pub(super) path: String,
    pub(super) steps: usize,
    pub(super) history: History,
    /// Whether it has a page of its own.
    pub(super) has_report: bool,
}

/// The page of a run, in its folder.
pub(super) const REPORT: &str = "report.html";
/// How far down runs are looked for: names of tasks are paths themselves.
const DEPTH: usize = 6;
/// Folders of a run that hold no runs.
const NO_RUNS: [&str; 3] = ["checkpoints", "tensorboard", "model"];

impl RunFiles {
    /// Reads what is there; what is not there is left out.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or is malformed, or there is nothing at all of a run.
    pub(super) fn read(path: &Path, device: &Device) -> Result<Self> {
        let refused =
            |problem: &str| Error::Reported { path: path.to_owned(), problem: problem.into() };
        if !path.is_dir() {
            // Whatever is wrong with it, the operating system says it best.
            fs::read_dir(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        }
        let config = read_config(&path.join("config.toml"))?;
        let history = read_history(&path.join("metrics.jsonl"))?;
        let place = path.join("prompts.safetensors");
        let (header, prompts) =
            if place.is_file() { read_prompts(&place, device)? } else { (None, None) };
        let mut below = Vec::new();
        find_below(path, Path::new(""), DEPTH, &mut below)?;
        if config.is_none() && history.is_none() && header.is_none() && below.is_empty() {
            return Err(refused(
                "expected the folder of a run, with `config.toml`, `metrics.jsonl` or `prompts.safetensors`; found none of them",
            ));
        }
        let has_model = path.join("model/config.json").is_file();
        let history = history.unwrap_or_default();
        let is_over = path.join("outcome.json").is_file();
        let place = path.join("few_shot.jsonl");
        let few_rows = read_text(&place)?.map(|text| FewRows::parse(&text, &place)).transpose()?;
        let few_rows = few_rows.unwrap_or_default();
        Ok(Self { config, history, header, prompts, has_model, is_over, few_rows, below })
    }
}

/// The text of a file, if there is one.
fn read_text(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read { path: path.to_owned(), source }),
    }
}

fn read_config(path: &Path) -> Result<Option<Config>> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    let said = read_toml(&text).map_err(|problem| Error::Reported {
        path: path.to_owned(),
        problem: format!(
            "expected the configuration that a run wrote: {}{}",
            problem.line.map(|line| format!("line {line}: ")).unwrap_or_default(),
            problem.message
        ),
    })?;
    Ok(Some(Config { text, said }))
}

fn read_history(path: &Path) -> Result<Option<History>> {
    read_text(path)?.map(|text| History::parse(&text, path)).transpose()
}

fn read_prompts(path: &Path, device: &Device) -> Result<(Option<PromptHeader>, Option<Prompts>)> {
    use mtpt::compose::Error::OwnStrategy;
    use mtpt::infer::Error::Composition;
    let header = PromptHeader::of_file(&PromptFile::read(path)?, path)?;
    match Prompts::read(path, device) {
        Ok(prompts) => Ok((Some(header), Some(prompts))),
        // Nothing is wrong with the file.
        Err(Composition(OwnStrategy { .. })) => Ok((Some(header), None)),
        Err(error) => Err(error.into()),
    }
}

/// Adds the runs in the folders of a folder, in the order of their names, each before those below it.
fn find_below(root: &Path, inside: &Path, depth: usize, found: &mut Vec<RunBelow>) -> Result<()> {
    let place = root.join(inside);
    let failed = |source| Error::Read { path: place.clone(), source };
    let mut folders: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&place).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        // No links: they may lead around in a circle.
        if entry.file_type().map_err(failed)?.is_dir() && !NO_RUNS.iter().any(|no| name == *no) {
            folders.push(inside.join(name));
        }
    }
    folders.sort();
    for folder in folders {
        let run = root.join(&folder);
        let (config, metrics) = (run.join("config.toml"), run.join("metrics.jsonl"));
        // Other programs name their files so, too: one alone is no run.
        if config.is_file()
            && metrics.is_file()
            && let (Some(config), Some(history)) = (read_config(&config)?, read_history(&metrics)?)
        {
            let parts: Vec<_> = folder.iter().map(|part| part.to_string_lossy()).collect();
            found.push(RunBelow {
                path: parts.join("/"),
                steps: config.said.training.steps,
                history,
                has_report: run.join(REPORT).is_file(),
            });
        }
        if depth > 1 {
            find_below(root, &folder, depth - 1, found)?;
        }
    }
    Ok(())
}
