use std::path::{Path, PathBuf};

/// A model whose files are missing or invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The model is neither a folder nor available from the hub.
    #[cfg_attr(
        feature = "hub",
        error(
            "no model at `{model}`: expected a folder with `config.json`, or a hub id, `owner/name`"
        )
    )]
    #[cfg_attr(
        not(feature = "hub"),
        error(
            "no model at `{model}`: expected a folder with `config.json`; for a hub id, rebuild \
             this program with the feature `hub`"
        )
    )]
    ModelNotFound {
        /// The path or id as given.
        model: String,
    },

    /// The model cannot be downloaded from the hub.
    #[cfg(feature = "hub")]
    #[error("there is no folder `{model}`, and downloading it as a hub id failed")]
    Hub {
        /// The id as given.
        model: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A folder lacks a required file.
    #[error("`{}` contains none of the expected files: {expected}", folder.display())]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The accepted names. One of them is enough.
        expected: &'static str,
    },

    /// A checkpoint cannot be read, or lacks a tensor of the expected shape.
    #[error(transparent)]
    Tensors(#[from] mtpt_io::TensorError),

    /// The folder may hold a T5X checkpoint, but the feature `t5x` is not enabled.
    #[cfg(not(feature = "t5x"))]
    #[error(
        "`{}` contains no transformers weights; its file `checkpoint` may be a T5X checkpoint: \
         rebuild this program with the feature `t5x` to read it",
        folder.display()
    )]
    T5xFeature {
        /// The folder.
        folder: PathBuf,
    },

    /// The arrays of a T5X checkpoint are not those of a supported T5.
    #[cfg(feature = "t5x")]
    #[error("`{}` is not a supported T5: expected {expected}, found {found}", path.display())]
    UnsupportedT5x {
        /// Folder of the checkpoint.
        path: PathBuf,
        /// The supported arrays.
        expected: String,
        /// The arrays of the checkpoint.
        found: String,
    },

    /// The checkpoint has tensors that the model doesn't use.
    #[error("`{}` contains tensors that a T5 of this configuration does not use: {}", path.display(), listed(tensors))]
    UnusedTensors {
        /// The checkpoint.
        path: PathBuf,
        /// Names of the tensors.
        tensors: Vec<String>,
    },

    /// Two embedding tables that must be equal are not.
    #[error(
        "`{}` has different values in `{first}` and `{second}`, expected one embedding table for \
         the encoder and the decoder",
        path.display()
    )]
    TablesDiffer {
        /// The checkpoint.
        path: PathBuf,
        /// Name of one table.
        first: String,
        /// Name of the other table.
        second: String,
    },
}

impl WeightsError {
    /// Returns an error if a checkpoint has unused tensors.
    pub(crate) fn unless_all_used(path: &Path, unused: Vec<String>) -> Result<(), Self> {
        if unused.is_empty() {
            Ok(())
        } else {
            Err(Self::UnusedTensors { path: path.to_owned(), tensors: unused })
        }
    }
}

/// Joins the first names of a list that may be long.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text =
        names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
