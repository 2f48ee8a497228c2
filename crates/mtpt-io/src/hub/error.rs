use std::error::Error;
use std::path::PathBuf;

use crate::fs::IoError;

/// A file of the hub that cannot be downloaded, or differs from the one on the hub.
///
/// A message is complete without its source, except for those of the connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// There is no folder for the cache.
    #[error("there is no home folder for the hub's cache; set `HF_HOME` to a folder")]
    NoCache,
    /// No secure connection can be configured.
    #[error("cannot connect to the hub")]
    Client {
        /// The error of the client.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A text is not the id of a repository.
    #[error("expected an id on the hub, `owner/name` or `name`, found `{}`", found.escape_debug())]
    Id {
        /// The text.
        found: String,
    },
    /// A name from the hub, or for a request to it, is not a path below the cache's folders.
    #[error(
        "`{repository}` on the hub has the {kind} `{}`: expected a path without `..`, backslashes \
         and control characters that doesn't start with a slash",
        found.escape_debug()
    )]
    Name {
        /// The id of the repository.
        repository: String,
        /// `file`, `revision`, `etag` or `commit`.
        kind: &'static str,
        /// The name.
        found: String,
    },
    /// The hub cannot be reached, or has no such file or repository.
    #[error("cannot download {what} of `{repository}`")]
    Unavailable {
        /// The id of the repository.
        repository: String,
        /// The file in backticks, or a description of the request.
        what: String,
        /// The error of the hub or of the connection.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file differs from the one on the hub.
    #[error(
        "`{}` is not the file `{name}` of `{repository}` on the hub: {difference}; {}",
        path.display(),
        advice(*is_removed)
    )]
    Content {
        /// The file in the cache.
        path: PathBuf,
        /// Its name in the repository.
        name: String,
        /// The id of the repository.
        repository: String,
        /// The sizes or digests expected and found.
        difference: String,
        /// Whether the file was removed from the cache.
        is_removed: bool,
    },
    /// A file of the cache cannot be read.
    #[error(transparent)]
    Io(#[from] IoError),
}

impl DownloadError {
    /// Returns whether the error is about a file or name of a repository, which its message then
    /// contains.
    pub fn is_about_content(&self) -> bool {
        matches!(self, Self::Content { .. } | Self::Name { .. })
    }
}

fn advice(is_removed: bool) -> &'static str {
    if is_removed {
        "it was removed from the cache, so repeat the command to download it again"
    } else {
        "remove it from the cache and repeat the command to download it again"
    }
}
