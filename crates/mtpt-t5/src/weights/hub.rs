//! Models by their id on the hub.

use std::path::{Path, PathBuf};

use hf_hub::api::sync::{ApiBuilder, ApiError};

use crate::error::{Error, Result};
use crate::tokenizer::{SENTENCE_PIECE_FILE, TOKENIZER_FILE};
use crate::weights::checkpoint::{shards, weight_files};
use crate::weights::load::CONFIG_FILE;

/// Fetches what a model needs, unless it is on disk already, and gives the folder it is in.
///
/// The cache and the endpoint are those of the hub's own programs, with the same environment variables.
pub(crate) fn fetch(model: &Path) -> Result<PathBuf> {
    let id = model.to_string_lossy();
    if !is_hub_id(&id) {
        return Err(Error::ModelNotFound { model: id.to_string() });
    }
    let failed = |source: ApiError| Error::Hub { model: id.to_string(), source: source.into() };
    let repository =
        ApiBuilder::from_env().with_progress(false).build().map_err(failed)?.model(id.to_string());
    let config = repository.get(CONFIG_FILE).map_err(failed)?;
    let folder =
        config.parent().expect("invariant: a file in the hub's cache lies in a folder").to_owned();
    let listed = repository
        .info()
        .map(|info| info.siblings.into_iter().map(|file| file.rfilename).collect::<Vec<_>>());
    let files = match listed {
        Ok(files) => files,
        // Offline, what was fetched before has to do; what it lacks is told when it is looked for.
        Err(_) => return Ok(folder),
    };
    for name in [TOKENIZER_FILE, SENTENCE_PIECE_FILE] {
        if files.iter().any(|file| file == name) {
            repository.get(name).map_err(failed)?;
        }
    }
    if let Some(name) = weight_files(&files) {
        let path = repository.get(name).map_err(failed)?;
        for shard in shards(&path)? {
            repository.get(&shard).map_err(failed)?;
        }
    }
    Ok(folder)
}

/// Whether a text can be an id, `name` or `owner/name`: a path with a spelling mistake must not be looked for on the
/// network.
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
    fn paths_are_no_ids() {
        for id in ["t5-small", "google/t5-v1_1-base", "google/flan-t5-base"] {
            assert!(is_hub_id(id), "{id}");
        }
        for path in ["/a/b", "./model", "../model", "a/b/c", "a/", "", "a b"] {
            assert!(!is_hub_id(path), "{path}");
        }
    }
}
