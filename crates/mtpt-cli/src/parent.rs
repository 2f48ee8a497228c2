use std::fs;
use std::path::Path;

use crate::error::Result;

/// Makes the folder that a file is to be written to, where it is not there.
pub(crate) fn make_parent(file: &Path) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|source| mtpt::core::Error::File {
            action: "make",
            path: folder.to_owned(),
            source,
        })?;
    }
    Ok(())
}
