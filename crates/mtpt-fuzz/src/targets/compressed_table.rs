use std::path::Path;

use mtpt::tasks::Reader;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_file;
use crate::targets::table::read_rows;

/// Tables and JSON Lines in gzip and zstd.
pub(super) const TARGET: Target =
    Target { name: "compressed_table", fixtures: &[], read, repair: None };

fn read(folder: &Path) -> Outcome {
    let Some(path) = first_file(folder) else { return Outcome::not_readable() };
    match Reader::detect(&path, None) {
        Err(error) => Outcome::rejected(&error),
        Ok(mut reader) => read_rows(&mut reader),
    }
}
