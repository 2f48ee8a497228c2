//! Downloading models from the Hugging Face hub.

use std::path::{Path, PathBuf};

use mtpt_io::hub::{DownloadError, Hub};
use mtpt_io::{fs, is_hub_id, shard_names};

use crate::error::{Result, WeightsError};
use crate::weights::config_fields::read_config_file;
use crate::weights::file_names::{COMPANION_FILES, CONFIG_FILE};
use crate::weights::weight_files::weight_file;

/// Downloads the files of a model unless they are in the cache, and returns their folder.
///
/// All files that a model may need are checked by size and digest, see [`mtpt_io::hub`].
pub(crate) fn download(model: &Path) -> Result<PathBuf> {
    match model.to_str() {
        Some(id) if is_hub_id(id) => download_from(&Hub::from_env().map_err(failed(id))?, id),
        _ => Err(WeightsError::ModelNotFound { model: model.display().to_string() }.into()),
    }
}

fn download_from(hub: &Hub, id: &str) -> Result<PathBuf> {
    let failed = failed(id);
    let repository = hub.model(id).map_err(failed)?;
    let config = repository.fetch(CONFIG_FILE).map_err(failed)?;
    // Before gigabytes of weights are downloaded.
    read_config_file(&config)?;
    let folder =
        config.parent().expect("invariant: a file in the hub's cache is in a folder").to_owned();
    // Offline the cached files have to suffice. Loading reports those that are missing.
    let files = repository.files().or_else(|_| file_names(&folder))?;
    for name in COMPANION_FILES {
        if files.iter().any(|file| file == name) {
            repository.fetch(name).map_err(failed)?;
        }
    }
    if let Some(name) = weight_file(&files) {
        let path = repository.fetch(name).map_err(failed)?;
        if path.extension().is_some_and(|extension| extension == "json") {
            for shard in shard_names(&path)? {
                repository.fetch(&shard).map_err(failed)?;
            }
        }
    }
    Ok(folder)
}

/// Returns the names of the files of a folder.
fn file_names(folder: &Path) -> Result<Vec<String>> {
    let paths = fs::read_dir(folder)?.into_iter().filter(|path| path.is_file());
    Ok(paths.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
}

/// Returns a function that adds the model to an error, if it isn't about one of its files.
fn failed(id: &str) -> impl Fn(DownloadError) -> WeightsError + Copy + '_ {
    move |error| match error {
        error if error.is_about_content() => error.into(),
        other => WeightsError::Hub { model: id.to_owned(), source: Box::new(other) },
    }
}
