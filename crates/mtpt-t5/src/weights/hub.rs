//! Downloading models from the Hugging Face hub.

use std::path::{Path, PathBuf};

use hf_hub::api::sync::{ApiBuilder, ApiError};
use mtpt_io::shard_names;

use crate::error::{Result, WeightsError};
use crate::weights::config_fields::read_config_file;
use crate::weights::file_names::{COMPANION_FILES, CONFIG_FILE};
use crate::weights::weight_files::weight_file;

/// Downloads the files of a model unless they are in the cache, and returns their folder.
///
/// The cache and the endpoint are those of the hub's own programs, with the same environment
/// variables.
pub(crate) fn download(model: &Path) -> Result<PathBuf> {
    let id = model.to_string_lossy();
    if !is_hub_id(&id) {
        return Err(WeightsError::ModelNotFound { model: id.to_string() }.into());
    }
    let failed =
        |source: ApiError| WeightsError::Hub { model: id.to_string(), source: source.into() };
    let repository =
        ApiBuilder::from_env().with_progress(false).build().map_err(failed)?.model(id.to_string());
    let config = repository.get(CONFIG_FILE).map_err(failed)?;
    // Before gigabytes of weights are downloaded.
    read_config_file(&config)?;
    let folder =
        config.parent().expect("invariant: a file in the hub's cache is in a folder").to_owned();
    let listed = repository
        .info()
        .map(|info| info.siblings.into_iter().map(|file| file.rfilename).collect::<Vec<_>>());
    let files = match listed {
        Ok(files) => files,
        // Offline the cached files have to suffice. Loading reports those that are missing.
        Err(_) => return Ok(folder),
    };
    for name in COMPANION_FILES {
        if files.iter().any(|file| file == name) {
            repository.get(name).map_err(failed)?;
        }
    }
    if let Some(name) = weight_file(&files) {
        let path = repository.get(name).map_err(failed)?;
        if path.extension().is_some_and(|extension| extension == "json") {
            for shard in shard_names(&path)? {
                repository.get(&shard).map_err(failed)?;
            }
        }
    }
    Ok(folder)
}

/// Returns whether a text can be a hub id, `name` or `owner/name`.
///
/// A misspelled path must not cause a request.
fn is_hub_id(id: &str) -> bool {
    let is_name = |name: &str| {
        let mut characters = name.chars();
        characters.next().is_some_and(char::is_alphanumeric)
            && characters.all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match id.split_once('/') {
        Some((owner, name)) => is_name(owner) && is_name(name),
        None => is_name(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_not_hub_ids() {
        for id in ["t5-small", "google/t5-v1_1-base", "google/flan-t5-base"] {
            assert!(is_hub_id(id), "{id}");
        }
        for path in ["/a/b", "./model", "../model", "a/b/c", "a/", "", "a b"] {
            assert!(!is_hub_id(path), "{path}");
        }
    }
}
