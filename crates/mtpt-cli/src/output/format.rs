use std::path::Path;

use crate::error::{Error, Result};

/// Format of a file with answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputFormat {
    JsonLines,
    /// One array of objects.
    Json,
    Csv,
    Tsv,
    Parquet,
}

impl OutputFormat {
    /// Returns whether all rows have the same columns.
    pub(crate) fn is_table(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv | Self::Parquet)
    }

    /// Returns the format that the extension of a file names.
    ///
    /// # Errors
    ///
    /// When it names none, or one that this program was built without.
    pub(crate) fn of_path(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        let problem = match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("jsonl" | "ndjson") => return Ok(Self::JsonLines),
            Some("json") => return Ok(Self::Json),
            Some("csv") => return Ok(Self::Csv),
            Some("tsv") => return Ok(Self::Tsv),
            Some("parquet") if cfg!(feature = "parquet") => return Ok(Self::Parquet),
            Some("parquet") => {
                "this program was built without the feature `parquet`; choose `.csv` \
                                or `.jsonl`"
            }
            _ => {
                "expected a file name that ends in `.jsonl`, `.json`, `.csv`, `.tsv` or `.parquet`"
            }
        };
        Err(Error::File { path: path.to_owned(), problem: problem.to_owned() })
    }
}
