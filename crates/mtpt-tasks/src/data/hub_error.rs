use crate::names::quoted_list;

/// An invalid or unavailable dataset on the hub.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// A text is not the id of a dataset.
    #[error("expected the id of a dataset, `owner/name` or `name`, found `{found}`")]
    Name {
        /// The text.
        found: String,
    },
    /// The files of a dataset cannot be assigned to splits by their names.
    #[error(
        "dataset `{dataset}`: expected {expected}, found {}; set `train`, `dev` and `test` to file \
         names, or set `folder`",
        quoted_list(.found)
    )]
    Files {
        /// The dataset.
        dataset: String,
        /// The files expected.
        expected: String,
        /// The files found.
        found: Vec<String>,
    },
    /// A dataset cannot be fetched.
    #[error("cannot fetch the dataset `{dataset}` from the hub")]
    Fetch {
        /// The dataset.
        dataset: String,
        /// The error of the hub or of the connection.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of a dataset is not usable.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    File(#[from] mtpt_io::hub::DownloadError),
}
