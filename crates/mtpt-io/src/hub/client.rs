use std::path::PathBuf;

use hf_hub::api::sync::{Api, ApiBuilder};
use hf_hub::{Cache, Repo, RepoType};

use super::error::DownloadError;
use super::repository::Repository;

/// A server with the interface of the Hugging Face hub, and the cache of its files.
#[derive(Debug)]
pub struct Hub {
    api: Api,
    cache: Cache,
}

impl Hub {
    /// Creates a client with the settings of the environment.
    ///
    /// # Errors
    ///
    /// When there is no home folder for the cache, or no secure connection can be configured.
    pub fn from_env() -> Result<Self, DownloadError> {
        // The library panics without it.
        if std::env::var("HF_HOME").is_err() && std::env::home_dir().is_none() {
            return Err(DownloadError::NoCache);
        }
        Self::build(ApiBuilder::from_env(), Cache::from_env())
    }

    /// Creates a client of a server, such as `https://huggingface.co`, with a folder for the cache.
    ///
    /// # Errors
    ///
    /// When no secure connection can be configured.
    pub fn new(endpoint: &str, cache: PathBuf) -> Result<Self, DownloadError> {
        let cache = Cache::new(cache);
        let builder = ApiBuilder::from_cache(cache.clone()).with_endpoint(endpoint.to_owned());
        Self::build(builder, cache)
    }

    /// Returns the repository of a model.
    ///
    /// # Errors
    ///
    /// [`DownloadError::Id`] if `id` is not `owner/name` or `name`.
    pub fn model(&self, id: &str) -> Result<Repository, DownloadError> {
        Repository::new(&self.api, &self.cache, Repo::model(id.to_owned()), id)
    }

    /// Returns the repository of a dataset at a branch, tag or commit.
    ///
    /// # Errors
    ///
    /// [`DownloadError::Id`] if `id` is not `owner/name` or `name`, and [`DownloadError::Name`] if
    /// the revision is not a path below a folder.
    pub fn dataset(&self, id: &str, revision: &str) -> Result<Repository, DownloadError> {
        let repo = Repo::with_revision(id.to_owned(), RepoType::Dataset, revision.to_owned());
        Repository::new(&self.api, &self.cache, repo, id)
    }

    fn build(builder: ApiBuilder, cache: Cache) -> Result<Self, DownloadError> {
        let failed = |error| DownloadError::Client { source: Box::new(error) };
        Ok(Self { api: builder.with_progress(false).build().map_err(failed)?, cache })
    }
}
