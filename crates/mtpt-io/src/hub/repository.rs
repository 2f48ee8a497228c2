use std::path::{Path, PathBuf};

use hf_hub::api::sync::{Api, ApiError, ApiRepo};
use hf_hub::{Cache, CacheRepo, Repo};

use super::digest::Digest;
use super::error::DownloadError;
use super::verified::{is_recorded, write_record};
use crate::fs::{self, IoError, stays_below};
use crate::hub_id::is_hub_id;

/// A repository on the hub.
#[derive(Debug)]
pub struct Repository {
    id: String,
    api: Api,
    remote: ApiRepo,
    cache: CacheRepo,
}

impl Repository {
    pub(super) fn new(
        api: &Api,
        cache: &Cache,
        repo: Repo,
        id: &str,
    ) -> Result<Self, DownloadError> {
        if !is_hub_id(id) {
            return Err(DownloadError::Id { found: id.to_owned() });
        }
        let (remote, cache) = (api.repo(repo.clone()), cache.repo(repo.clone()));
        let repository = Self { id: id.to_owned(), api: api.clone(), remote, cache };
        repository.check_name("revision", repo.revision())?;
        Ok(repository)
    }

    /// Returns the names of all files. They may be any texts.
    ///
    /// # Errors
    ///
    /// [`DownloadError::Unavailable`] if the hub doesn't answer or has no such repository.
    pub fn files(&self) -> Result<Vec<String>, DownloadError> {
        let info = self.remote.info().map_err(|error| self.unavailable("the list of files", error));
        Ok(info?.siblings.into_iter().map(|file| file.rfilename).collect())
    }

    /// Downloads a file unless it is in the cache, and returns its path.
    ///
    /// A downloaded file has the size and digest that the hub reports, and a file of the cache the
    /// digest in its name. The digest is computed once, as long as the file is not changed.
    /// Servers other than the hub may report no digest. Then only the size of a download is
    /// checked.
    ///
    /// # Errors
    ///
    /// [`DownloadError::Unavailable`] if the file is not in the cache and the hub doesn't answer or
    /// doesn't have it, [`DownloadError::Name`] if a name would lead out of the cache, and
    /// [`DownloadError::Content`] if the size or the digest differs. That file is removed.
    pub fn fetch(&self, name: &str) -> Result<PathBuf, DownloadError> {
        self.check_name("file", name)?;
        if let Some(path) = self.cache.get(name) {
            if let Some(etag) = etag_of(&path) {
                self.check_digest(name, &path, &etag)?;
            }
            return Ok(path);
        }
        let failed = |error| self.unavailable(&format!("`{name}`"), error);
        // The library joins the names in the answer to its folders.
        let described = self.api.metadata(&self.remote.url(name)).map_err(failed)?;
        self.check_name("etag", described.etag())?;
        self.check_name("commit", described.commit_hash())?;
        let path = self.remote.download(name).map_err(failed)?;
        let size = std::fs::metadata(&path).map_err(IoError::with("read", &path))?.len();
        if size != described.size() as u64 {
            let difference = format!("expected {} bytes, found {size}", described.size());
            return Err(self.different(name, &path, difference));
        }
        self.check_digest(name, &path, described.etag())?;
        Ok(path)
    }

    /// Checks the digest of a file unless that was done before.
    fn check_digest(&self, name: &str, path: &Path, etag: &str) -> Result<(), DownloadError> {
        let Some(expected) = Digest::of_etag(etag) else { return Ok(()) };
        let failed = IoError::with("read", path);
        let blob = path.canonicalize().map_err(failed)?;
        let file = fs::open(&blob)?;
        let metadata = file.metadata().map_err(failed)?;
        if is_recorded(&blob, &metadata) {
            return Ok(());
        }
        match expected.difference(file).map_err(failed)? {
            None => write_record(&blob, &metadata),
            Some(found) => {
                let difference = format!("expected {expected}, found {found}");
                return Err(self.different(name, path, difference));
            }
        }
        Ok(())
    }

    /// Removes a file that differs from the one on the hub, and returns the error.
    fn different(&self, name: &str, path: &Path, difference: String) -> DownloadError {
        let blob = path.canonicalize();
        // The link first: another process must not take its absence for a broken link.
        let is_removed =
            fs::remove_file(path).is_ok() && blob.is_ok_and(|blob| fs::remove_file(&blob).is_ok());
        DownloadError::Content {
            path: path.to_owned(),
            name: name.to_owned(),
            repository: self.id.clone(),
            difference,
            is_removed,
        }
    }

    fn check_name(&self, kind: &'static str, found: &str) -> Result<(), DownloadError> {
        if stays_below(found) {
            return Ok(());
        }
        Err(DownloadError::Name { repository: self.id.clone(), kind, found: found.to_owned() })
    }

    fn unavailable(&self, what: &str, error: ApiError) -> DownloadError {
        let (repository, what) = (self.id.clone(), what.to_owned());
        DownloadError::Unavailable { repository, what, source: Box::new(error) }
    }
}

/// Returns the etag of a file in the cache: the name of the file that a link in a snapshot leads
/// to. On systems without links there is none.
fn etag_of(path: &Path) -> Option<String> {
    let target = std::fs::read_link(path).ok()?;
    let folder = target.parent()?.file_name()?;
    (folder == "blobs").then(|| target.file_name()?.to_str().map(str::to_owned)).flatten()
}
