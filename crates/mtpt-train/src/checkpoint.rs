use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use mtpt_core::{PromptFile, write_whole_file};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::progress::Progress;
use crate::{Error, Result, Trainer};

/// Checkpoints that are kept, the newest ones.
const KEPT: usize = 2;
/// Beginnings of the names of a whole checkpoint and of one that is being written.
const WHOLE: &str = "step-";
const WRITING: &str = ".writing-";
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

/// What a checkpoint says of itself.
#[derive(Serialize, Deserialize)]
struct State {
    steps_done: usize,
    best: Option<BestState>,
    /// What the run is.
    run: Value,
}

#[derive(Serialize, Deserialize)]
struct BestState {
    step: usize,
    #[serde(with = "crate::exact_float")]
    score: f64,
    progress: Progress,
}

/// Writes a checkpoint as a folder that appears whole or not at all, then drops those that are no longer needed.
///
/// It holds the module's parameters, whatever the module is, the optimizer's state, and what the run is. The order
/// of rows needs no state: it is a pure function of the seed and the step.
pub(crate) fn write<M: Module>(
    folder: &Path,
    trainer: &Trainer<M>,
    best: Option<&Best<M>>,
    identity: &impl Serialize,
) -> Result<()> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { action: "write", path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    // Of a process that was killed while it wrote; there is one at a time.
    for left in list(folder, WRITING)? {
        fs::remove_dir_all(&left).map_err(failed(&left))?;
    }
    let draft =
        tempfile::Builder::new().prefix(WRITING).tempdir_in(folder).map_err(failed(folder))?;
    let inside = draft.path();
    PromptFile::from_module(trainer.module(), String::new()).write(&inside.join(LAST))?;
    if let Some(best) = best {
        PromptFile::from_module(&best.module, String::new()).write(&inside.join(BEST))?;
    }
    let optimizer = inside.join(OPTIMIZER);
    let bytes = trainer.optimizer().into_bytes().map_err(|error| Error::OptimizerState {
        path: optimizer.clone(),
        message: error.to_string(),
    })?;
    write_whole_file(&optimizer, &bytes)?;
    let steps_done = trainer.steps_done();
    let best =
        best.map(|best| BestState { step: best.step, score: best.score, progress: best.progress });
    let failed_state = |source| Error::Header { path: inside.join(STATE), source };
    let run = serde_json::to_value(identity).map_err(failed_state)?;
    let state = State { steps_done, best, run };
    let state = serde_json::to_vec_pretty(&state).map_err(failed_state)?;
    write_whole_file(&inside.join(STATE), &state)?;
    let place = folder.join(format!("{WHOLE}{steps_done:08}"));
    if place.exists() {
        fs::remove_dir_all(&place).map_err(failed(&place))?;
    }
    fs::rename(draft.keep(), &place).map_err(failed(&place))?;
    let all = list(folder, WHOLE)?;
    for old in &all[..all.len().saturating_sub(KEPT)] {
        fs::remove_dir_all(old).map_err(failed(old))?;
    }
    Ok(())
}

/// Removes all checkpoints of a folder, whole ones and half-written ones.
pub(crate) fn remove_all(folder: &Path) -> Result<()> {
    for beginning in [WHOLE, WRITING] {
        for path in list(folder, beginning)? {
            fs::remove_dir_all(&path).map_err(|source| Error::File {
                action: "remove",
                path,
                source,
            })?;
        }
    }
    Ok(())
}

/// Continues a trainer from the newest checkpoint, if there is one.
pub(crate) fn resume<M: Module>(
    folder: &Path,
    trainer: Trainer<M>,
    identity: &impl Serialize,
) -> Result<(Trainer<M>, Option<Best<M>>)> {
    let Some(place) = list(folder, WHOLE)?.pop() else {
        return Ok((trainer, None));
    };
    let path = place.join(STATE);
    let text = fs::read_to_string(&path).map_err(|source| Error::File {
        action: "read",
        path: path.clone(),
        source,
    })?;
    let failed = |source| Error::Header { path: path.clone(), source };
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
    Ok((trainer.restore(last, optimizer, state.steps_done), best))
}

/// What a folder holds under names that begin so; of checkpoints, the newest comes last.
fn list(folder: &Path, beginning: &str) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::File { action: "read", path: folder.to_owned(), source };
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut places = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let of_a_checkpoint = |name: &str| {
            let rest = name.strip_prefix(beginning);
            rest.is_some_and(|rest| beginning == WRITING || rest.parse::<usize>().is_ok())
        };
        if entry.file_name().to_str().is_some_and(of_a_checkpoint) && path.is_dir() {
            places.push(path);
        }
    }
    places.sort();
    Ok(places)
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
