use std::path::Path;

use mtpt::io::fs::create_parent;

use crate::error::Result;

/// Makes the folder that a file is to be written to, where it is not there.
pub(crate) fn make_parent(file: &Path) -> Result<()> {
    Ok(create_parent(file)?)
}
