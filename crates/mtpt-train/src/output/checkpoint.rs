use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use mtpt_infer::PromptFile;
use mtpt_io::fs::sync_dir;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::optim::trainer::Trainer;
use crate::output::manifest::{CheckedFiles, Damage, first_damage};
use crate::run::progress::Progress;

/// Checkpoints that are kept, the newest ones.
const KEPT: usize = 2;
/// Beginning of the name of a whole checkpoint, and the end of one that was written before an evaluation that is due.
const WHOLE: &str = "step-";
const UNJUDGED: &str = "-unjudged";
/// Beginnings of the names of what is being written, or on its way out.
const PASSING: [&str; 2] = [".writing-", ".removing-"];
/// Files of a checkpoint.
const STATE: &str = "state.json";
const LAST: &str = "last.safetensors";
const BEST: &str = "best.safetensors";
const OPTIMIZER: &str = "optimizer.bpk";

/// The best module so far.
#[derive(Clone, Debug)]
pub(crate) struct Best<M> {
    pub(crate) module: M,
    pub(crate) step: usize,
    /// Mean of the tasks' metrics on `dev`, or what else is higher for a better module.
    pub(crate) score: f64,
    pub(crate) progress: Progress,
}

/// Whether a run is at its end: all steps are done, or nothing was better for as long as it has patience.
pub(crate) fn is_done<M: Module>(
    trainer: &Trainer<M>,
    best: Option<&Best<M>>,
    patience: Option<usize>,
) -> bool {
    trainer.steps_done() >= trainer.steps()
        || best.is_some_and(|best| best.progress.is_over(patience))
}

/// What a checkpoint says of itself.
#[derive(Serialize, Deserialize)]
struct State {
    steps_done: usize,
    /// Whether the evaluation that is due after these steps was cut short, or not begun.
    unjudged: bool,
    best: Option<BestState>,
    /// What the run is.
    run: Value,
}

#[derive(Serialize, Deserialize)]
struct BestState {
    step: usize,
    #[serde(with = "crate::output::exact_float")]
    score: f64,
    progress: Progress,
}

/// What a checkpoint gives back.
pub(crate) struct Checkpoint<M> {
    pub(crate) trainer: Trainer<M>,
    pub(crate) best: Option<Best<M>>,
    pub(crate) unjudged: bool,
    /// The checkpoint; none where there was none to go on from.
    pub(crate) place: Option<PathBuf>,
    /// What is wrong with newer ones.
    pub(crate) passed_over: Vec<Damage>,
}

/// Writes a checkpoint as a folder that appears whole or not at all, then drops those that are no longer needed.
///
/// It holds the module's parameters, whatever the module is, the optimizer's state, and what the run is. The order
/// of rows needs no state: it is a pure function of the seed and the step.
pub(crate) fn write<M: Module>(
    folder: &Path,
    trainer: &Trainer<M>,
    best: Option<&Best<M>>,
    unjudged: bool,
    identity: &impl Serialize,
) -> Result<PathBuf> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { action: "write", path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    remove_passing(folder)?;
    let steps_done = trainer.steps_done();
    let end = if unjudged { UNJUDGED } else { "" };
    let place = folder.join(format!("{WHOLE}{steps_done:08}{end}"));
    let draft =
        tempfile::Builder::new().prefix(PASSING[0]).tempdir_in(folder).map_err(failed(folder))?;
    let mut files = CheckedFiles::new(draft.path(), &place);
    let last = PromptFile::from_module(trainer.module(), String::new());
    files.write(LAST, &last.to_bytes(&place.join(LAST))?)?;
    if let Some(best) = best {
        let best = PromptFile::from_module(&best.module, String::new());
        files.write(BEST, &best.to_bytes(&place.join(BEST))?)?;
    }
    let optimizer = trainer.optimizer().into_bytes().map_err(|error| Error::OptimizerState {
        path: place.join(OPTIMIZER),
        message: error.to_string(),
    })?;
    files.write(OPTIMIZER, &optimizer)?;
    let best =
        best.map(|best| BestState { step: best.step, score: best.score, progress: best.progress });
    let failed_state = |source| Error::Json { path: place.join(STATE), source };
    let run = serde_json::to_value(identity).map_err(failed_state)?;
    let state = State { steps_done, unjudged, best, run };
    files.write(STATE, &serde_json::to_vec_pretty(&state).map_err(failed_state)?)?;
    files.finish()?;
    // A run only goes forward: what has this name already was damaged, and passed over when it went on.
    if place.exists() {
        remove(&place)?;
    }
    fs::rename(draft.path(), &place).map_err(failed(&place))?;
    let _ = draft.keep();
    sync_dir(folder)?;
    remove_old(folder, &place)?;
    // Those beyond it were passed over as well.
    let beyond = list(folder)?.into_iter().rev().take_while(|(_, path)| *path != place);
    for (_, path) in beyond {
        remove(&path)?;
    }
    Ok(place)
}

/// Removes the checkpoints before one that are not to be kept beside it.
fn remove_old(folder: &Path, place: &Path) -> Result<()> {
    let before: Vec<_> = list(folder)?.into_iter().take_while(|(_, path)| path != place).collect();
    before.iter().rev().skip(KEPT - 1).try_for_each(|(_, path)| remove(path))
}

/// Removes all checkpoints of a folder, whole ones and half-written ones.
pub(crate) fn remove_all(folder: &Path) -> Result<()> {
    list(folder)?.iter().try_for_each(|(_, path)| remove(path))?;
    remove_passing(folder)
}

/// Removes a checkpoint, which at no time looks like a damaged one.
fn remove(place: &Path) -> Result<()> {
    let failed = |source| Error::File { action: "remove", path: place.to_owned(), source };
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let going = place.with_file_name(format!("{}{name}", PASSING[1]));
    fs::rename(place, &going).and_then(|()| fs::remove_dir_all(&going)).map_err(failed)
}

/// Removes what a process that was killed was writing or removing; there is one at a time.
fn remove_passing(folder: &Path) -> Result<()> {
    for path in folders(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if PASSING.iter().any(|beginning| name.starts_with(beginning)) {
            fs::remove_dir_all(&path).map_err(|source| Error::File {
                action: "remove",
                path,
                source,
            })?;
        }
    }
    Ok(())
}

/// Continues a trainer from the newest checkpoint that is whole, if there is one, and removes what a process that was killed
/// left beside it: a run that was at its last step would have no other time for that.
///
/// # Errors
///
/// When there are checkpoints and none is whole, or the newest whole one is of another run.
pub(crate) fn resume<M: Module>(
    folder: &Path,
    trainer: Trainer<M>,
    identity: &impl Serialize,
) -> Result<Checkpoint<M>> {
    let mut passed_over = Vec::new();
    for (_, place) in list(folder)?.into_iter().rev() {
        match first_damage(&place)? {
            Some(damage) => passed_over.push(damage),
            None => {
                let checkpoint = read(place.clone(), trainer, identity)?;
                remove_passing(folder)?;
                remove_old(folder, &place)?;
                return Ok(Checkpoint { passed_over, ..checkpoint });
            }
        }
    }
    match passed_over.into_iter().next() {
        Some(Damage { path, reason }) => Err(Error::NoWholeCheckpoint { path, reason }),
        None => {
            let passed_over = Vec::new();
            Ok(Checkpoint { trainer, best: None, unjudged: false, place: None, passed_over })
        }
    }
}

/// Continues a trainer from a whole checkpoint.
fn read<M: Module>(
    place: PathBuf,
    trainer: Trainer<M>,
    identity: &impl Serialize,
) -> Result<Checkpoint<M>> {
    let path = place.join(STATE);
    let text = fs::read_to_string(&path).map_err(|source| Error::File {
        action: "read",
        path: path.clone(),
        source,
    })?;
    let failed = |source| Error::Json { path: path.clone(), source };
    let state: State = serde_json::from_str(&text).map_err(failed)?;
    // Through text too, as the other: what a number loses on that way, both have lost.
    let now = serde_json::to_value(identity).map_err(failed)?;
    let now = serde_json::from_str(&now.to_string()).map_err(failed)?;
    check_same_run(&place, &state.run, &now)?;
    let last = PromptFile::read(&place.join(LAST))?.apply(trainer.module().clone())?;
    let best = match state.best {
        Some(BestState { step, score, progress }) => {
            let module = PromptFile::read(&place.join(BEST))?.apply(trainer.module().clone())?;
            Some(Best { module, step, score, progress })
        }
        None => None,
    };
    let path = place.join(OPTIMIZER);
    let optimizer = trainer
        .optimizer()
        .clone()
        .load(&path)
        .map_err(|error| Error::OptimizerState { path, message: error.to_string() })?;
    let trainer = trainer.restore(last, optimizer, state.steps_done);
    let (unjudged, passed_over) = (state.unjudged, Vec::new());
    Ok(Checkpoint { trainer, best, unjudged, place: Some(place), passed_over })
}

/// Steps and places of the checkpoints that a folder holds, the newest last: of one step, that after its evaluation.
fn list(folder: &Path) -> Result<Vec<((usize, bool), PathBuf)>> {
    let mut found = Vec::new();
    for path in folders(folder)? {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(rest) = name.and_then(|name| name.strip_prefix(WHOLE)) else { continue };
        let (number, judged) = match rest.strip_suffix(UNJUDGED) {
            Some(number) => (number, false),
            None => (rest, true),
        };
        if let Ok(step) = number.parse() {
            found.push(((step, judged), path));
        }
    }
    found.sort();
    Ok(found)
}

/// The folders in a folder; none where there is no such folder.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::File { action: "read", path: folder.to_owned(), source };
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    Ok(found)
}

/// A run goes on only as what it began as: else its steps would be those of no run at all.
fn check_same_run(place: &Path, before: &Value, now: &Value) -> Result<()> {
    match first_difference(String::new(), before, now) {
        None => Ok(()),
        Some((key, before, now)) => Err(Error::Resume {
            path: place.to_owned(),
            reason: format!("`{key}` was {before}, and is now {now}"),
        }),
    }
}

/// Where two values differ first, as a key such as `tasks[1].name`, and both there.
fn first_difference<'a>(
    key: String,
    before: &'a Value,
    now: &'a Value,
) -> Option<(String, &'a Value, &'a Value)> {
    match (before, now) {
        (Value::Object(first), Value::Object(second)) => {
            let keys = first.keys().chain(second.keys().filter(|key| !first.contains_key(*key)));
            keys.into_iter().find_map(|name| {
                let [first, second] =
                    [first, second].map(|map| map.get(name).unwrap_or(&Value::Null));
                let dot = if key.is_empty() { "" } else { "." };
                first_difference(format!("{key}{dot}{name}"), first, second)
            })
        }
        (Value::Array(first), Value::Array(second)) if first.len() == second.len() => {
            let mut pairs = first.iter().zip(second).enumerate();
            pairs.find_map(|(place, (first, second))| {
                first_difference(format!("{key}[{place}]"), first, second)
            })
        }
        _ => (before != now).then_some((key, before, now)),
    }
}
