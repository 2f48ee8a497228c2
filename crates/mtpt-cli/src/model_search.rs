//! Finding the model of prompts.
//!
//! Prompts record their model as the configuration of their run named it: a path relative to the
//! configuration or the working directory. The record of the run has the absolute path.

use std::path::{Path, PathBuf};

use mtpt::infer::prompt_file;

use crate::error::{Error, Result};
use crate::run_files::record::RunRecord;

/// Returns the model that prompts were trained for.
///
/// # Errors
///
/// [`Error::NoModel`] if the prompts don't record it, and [`Error::ModelOfPrompts`] with the places
/// searched.
pub(crate) fn model_of_prompts(prompts: &Path, name: &str) -> Result<PathBuf> {
    if name.is_empty() {
        return Err(Error::NoModel { prompts: prompts.to_owned() });
    }
    let file = prompt_file(prompts);
    // An adapter is a folder, prompts of a run are a file in one.
    let folder = if file.is_dir() { &*file } else { file.parent().unwrap_or(Path::new("")) };
    let places = places(folder, name);
    match places.iter().find(|place| place.is_dir()) {
        Some(found) => Ok(found.clone()),
        // A hub id, of which loading downloads or finds the files.
        None if cfg!(feature = "hub") && !Path::new(name).is_absolute() => Ok(name.into()),
        None => {
            let (prompts, name) = (prompts.to_owned(), name.to_owned());
            Err(Error::ModelOfPrompts { prompts, name, tried: places })
        }
    }
}

/// Finds the model that a run used.
pub(crate) fn model_of_run(run: &Path, name: &str) -> Option<PathBuf> {
    places(run, name).into_iter().find(|place| place.is_dir())
}

/// Returns the places where the model of prompts in a folder may be: where the run found it, the
/// working directory, the folder unless it is that of a run, and the folders above.
fn places(run: &Path, name: &str) -> Vec<PathBuf> {
    let run = if run.as_os_str().is_empty() { Path::new(".") } else { run };
    let run = run.canonicalize().unwrap_or_else(|_| run.to_owned());
    // A run of a stage is recorded in the folder of the whole pipeline.
    let records = run.ancestors().filter_map(|folder| RunRecord::read(folder).ok());
    let recorded = records.filter_map(|record| record.sessions.into_iter().next_back()?.model);
    let recorded = recorded.take(1).map(PathBuf::from);
    // The prompts may have been put into the folder of another run.
    let is_same = |model: &PathBuf| model.file_name() == Path::new(name).file_name();
    let mut places: Vec<PathBuf> = recorded.filter(is_same).collect();
    places.push(PathBuf::from(name));
    if Path::new(name).is_relative() {
        // The folder of a run is skipped, because it may contain a model that the run trained.
        let is_run = run.join("config.toml").is_file() || run.join("run.json").is_file();
        let above = run.ancestors().skip(usize::from(is_run));
        places.extend(above.map(|above| above.join(name)));
    }
    let mut distinct: Vec<PathBuf> = Vec::new();
    for place in places {
        if !distinct.contains(&place) {
            distinct.push(place);
        }
    }
    distinct
}
