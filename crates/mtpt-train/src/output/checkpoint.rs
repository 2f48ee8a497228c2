use std::path::{Path, PathBuf};

use burn::module::Module;
use mtpt_infer::PromptFile;
use mtpt_io::fs::{
    create_dir_all, read_dir, read_to_string, remove_dir_all, rename, sync_dir, temporary_dir,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::output::error::CheckpointError;
use crate::output::manifest::{CheckedFiles, Damage, first_damage};
use crate::output::optimizer_state;
use crate::output::same_run::check_same_run;
use crate::run::progress::Progress;
use crate::run::state::{BeforeLast, Best, RunState};
use crate::run::trainer::Trainer;

/// Number of checkpoints to keep.
const KEPT: usize = 2;
/// Prefix of the name of a complete checkpoint.
const COMPLETE: &str = "step-";
/// Suffix of the name of a checkpoint written before a pending evaluation.
const EVALUATION_PENDING: &str = "-unjudged";
/// Prefixes of the names of checkpoints being written or removed.
const TEMPORARY: [&str; 2] = [".writing-", ".removing-"];
/// Files of a checkpoint.
const STATE: &str = "state.json";
const LAST: &str = "last.safetensors";
const BEST: &str = "best.safetensors";
const BEST_BEFORE: &str = "best_before.safetensors";
const OPTIMIZER: &str = "optimizer.bpk";

/// Contents of `state.json`.
#[derive(Serialize, Deserialize)]
struct StateFile {
    steps_done: usize,
    /// Whether the evaluation after these steps was interrupted or not started.
    #[serde(rename = "unjudged")]
    evaluation_pending: bool,
    best: Option<BestScore>,
    /// The best prompts before the evaluation after the last step, if it was due only because the
    /// run ended there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before_last: Option<BeforeLastScore>,
    /// Identity of the run.
    run: Value,
}

#[derive(Serialize, Deserialize)]
struct BestScore {
    step: usize,
    #[serde(with = "crate::output::exact_float")]
    score: f64,
    progress: Progress,
}

#[derive(Serialize, Deserialize)]
struct BeforeLastScore {
    best: Option<BestScore>,
}

impl BestScore {
    fn of<M>(best: &Best<M>) -> Self {
        Self { step: best.step, score: best.score, progress: best.progress }
    }
}

/// A run restored from a checkpoint, or at its start if there was none.
pub(crate) struct Restored<M> {
    pub(crate) state: RunState<M>,
    /// The checkpoint.
    pub(crate) path: Option<PathBuf>,
    /// Damage found in newer checkpoints.
    pub(crate) damaged: Vec<Damage>,
}

/// Writes a checkpoint as a directory that appears complete or not at all, then removes those that
/// are no longer needed.
///
/// It contains the module's parameters, whatever the module is, the optimizer's state and the run's
/// identity. The order of examples needs no state, since it is a pure function of seed and step.
pub(crate) fn write<M: Module>(
    dir: &Path,
    state: &RunState<M>,
    identity: &Value,
) -> Result<PathBuf> {
    let RunState { trainer, best, evaluation_pending, before_last } = state;
    create_dir_all(dir)?;
    remove_temporary(dir)?;
    let steps_done = trainer.steps_done();
    let suffix = if *evaluation_pending { EVALUATION_PENDING } else { "" };
    let path = dir.join(format!("{COMPLETE}{steps_done:08}{suffix}"));
    let draft = temporary_dir(dir, TEMPORARY[0], &path)?;
    let mut files = CheckedFiles::new(draft.path(), &path);
    let last = PromptFile::from_module(trainer.module(), String::new());
    files.write(LAST, &last.to_bytes(&path.join(LAST))?)?;
    if let Some(best) = best {
        let best = PromptFile::from_module(&best.module, String::new());
        files.write(BEST, &best.to_bytes(&path.join(BEST))?)?;
    }
    let best_step = best.as_ref().map(|best| best.step);
    let best_before = before_last.as_ref().and_then(|before| before.best.as_ref());
    if let Some(before) = best_before.filter(|before| Some(before.step) != best_step) {
        let before = PromptFile::from_module(&before.module, String::new());
        files.write(BEST_BEFORE, &before.to_bytes(&path.join(BEST_BEFORE))?)?;
    }
    let optimizer = trainer.optimizer().into_bytes().map_err(|error| {
        CheckpointError::OptimizerState { path: path.join(OPTIMIZER), message: error.to_string() }
    })?;
    files.write(OPTIMIZER, &optimizer)?;
    let file = StateFile {
        steps_done,
        evaluation_pending: *evaluation_pending,
        best: best.as_ref().map(BestScore::of),
        before_last: before_last
            .as_ref()
            .map(|before| BeforeLastScore { best: before.best.as_ref().map(BestScore::of) }),
        run: identity.clone(),
    };
    let file = serde_json::to_vec_pretty(&file)
        .map_err(|source| CheckpointError::Json { path: path.join(STATE), source })?;
    files.write(STATE, &file)?;
    files.finish()?;
    // Steps only increase: a checkpoint of this name was damaged and skipped when the run resumed.
    if path.exists() {
        remove(&path)?;
    }
    rename(draft.path(), &path)?;
    let _ = draft.keep();
    sync_dir(dir)?;
    remove_old(dir, &path)?;
    // Later checkpoints were skipped as well.
    let later = list(dir)?.into_iter().rev().take_while(|(_, found)| *found != path);
    for (_, path) in later {
        remove(&path)?;
    }
    Ok(path)
}

/// Removes the checkpoints before one, except those to keep.
fn remove_old(dir: &Path, newest: &Path) -> Result<()> {
    let before: Vec<_> = list(dir)?.into_iter().take_while(|(_, path)| path != newest).collect();
    before.iter().rev().skip(KEPT - 1).try_for_each(|(_, path)| remove(path))
}

/// Removes all checkpoints in a directory, complete and incomplete ones.
pub(crate) fn remove_all(dir: &Path) -> Result<()> {
    // A checkpoint whose removal was interrupted would prevent the removal of one with its name.
    remove_temporary(dir)?;
    list(dir)?.iter().try_for_each(|(_, path)| remove(path))
}

/// Removes a checkpoint in such an order that it never looks like a damaged one.
fn remove(path: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let removing = path.with_file_name(format!("{}{name}", TEMPORARY[1]));
    rename(path, &removing)?;
    Ok(remove_dir_all(&removing)?)
}

/// Removes the checkpoint that a killed process was writing or removing.
fn remove_temporary(dir: &Path) -> Result<()> {
    for path in subdirectories(dir)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if TEMPORARY.iter().any(|prefix| name.starts_with(prefix)) {
            remove_dir_all(&path)?;
        }
    }
    Ok(())
}

/// Restores a trainer from the newest intact checkpoint, if there is one, and removes leftovers of
/// a killed process. A run that resumes at its last step writes no checkpoint, so nothing else
/// would remove them.
///
/// # Errors
///
/// When there are checkpoints but none is intact, or the newest intact one is of another run.
pub(crate) fn resume<M: Module>(
    dir: &Path,
    trainer: Trainer<M>,
    identity: &Value,
) -> Result<Restored<M>> {
    let mut damaged = Vec::new();
    for (_, path) in list(dir)?.into_iter().rev() {
        match first_damage(&path)? {
            Some(damage) => damaged.push(damage),
            None => {
                let state = read(&path, trainer, identity)?;
                remove_temporary(dir)?;
                remove_old(dir, &path)?;
                return Ok(Restored { state, path: Some(path), damaged });
            }
        }
    }
    match damaged.into_iter().next() {
        Some(Damage { path, reason }) => Err(CheckpointError::NoneIntact { path, reason }.into()),
        None => {
            let state = RunState::new(trainer);
            Ok(Restored { state, path: None, damaged: Vec::new() })
        }
    }
}

/// Restores a trainer from an intact checkpoint.
fn read<M: Module>(dir: &Path, trainer: Trainer<M>, identity: &Value) -> Result<RunState<M>> {
    let path = dir.join(STATE);
    let text = read_to_string(&path)?;
    let failed = |source| CheckpointError::Json { path: path.clone(), source };
    let file: StateFile = serde_json::from_str(&text).map_err(failed)?;
    // Both values pass through text, so that they lose the same digits.
    let identity = serde_json::from_str(&identity.to_string()).map_err(failed)?;
    check_same_run(dir, &file.run, &identity, file.steps_done)?;
    let module = |name: &str| -> Result<M> {
        Ok(PromptFile::read(&dir.join(name))?.apply(trainer.module().clone())?)
    };
    let last = module(LAST)?;
    let best_of = |stored: BestScore, name: &str| -> Result<Best<M>> {
        let BestScore { step, score, progress } = stored;
        Ok(Best { module: module(name)?.valid(), step, score, progress })
    };
    let best_step = file.best.as_ref().map(|best| best.step);
    let best = file.best.map(|best| best_of(best, BEST)).transpose()?;
    let before_last = match file.before_last {
        Some(BeforeLastScore { best: Some(before) }) => {
            let name = if Some(before.step) == best_step { BEST } else { BEST_BEFORE };
            Some(BeforeLast { best: Some(best_of(before, name)?) })
        }
        Some(BeforeLastScore { best: None }) => Some(BeforeLast { best: None }),
        None => None,
    };
    let optimizer =
        optimizer_state::load(trainer.optimizer().clone(), &last, &dir.join(OPTIMIZER))?;
    let trainer = trainer.restore(last, optimizer, file.steps_done);
    let evaluation_pending = file.evaluation_pending;
    Ok(RunState { trainer, best, evaluation_pending, before_last })
}

/// Lists the checkpoints in a directory, oldest first, with their steps and whether they were
/// evaluated. Of two checkpoints of one step, the evaluated one is newer.
fn list(dir: &Path) -> Result<Vec<((usize, bool), PathBuf)>> {
    let mut found = Vec::new();
    for path in subdirectories(dir)? {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(rest) = name.and_then(|name| name.strip_prefix(COMPLETE)) else { continue };
        let (number, evaluated) = match rest.strip_suffix(EVALUATION_PENDING) {
            Some(number) => (number, false),
            None => (rest, true),
        };
        if let Ok(step) = number.parse() {
            found.push(((step, evaluated), path));
        }
    }
    found.sort();
    Ok(found)
}

/// Lists the subdirectories of a directory, which need not exist.
fn subdirectories(dir: &Path) -> Result<Vec<PathBuf>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    Ok(read_dir(dir)?.into_iter().filter(|path| path.is_dir()).collect())
}
