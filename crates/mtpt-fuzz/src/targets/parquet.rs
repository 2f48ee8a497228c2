use std::path::Path;

use mtpt::tasks::{Format, Reader};

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_file;
use crate::targets::table::read_rows;

/// Parquet files.
pub(super) const TARGET: Target = Target {
    name: "parquet",
    fixtures: &["mtpt-tasks/tests/fixtures/rows.parquet"],
    read,
    repair: None,
};

fn read(folder: &Path) -> Outcome {
    let Some(path) = first_file(folder) else { return Outcome::not_readable() };
    match Reader::open(Format::Parquet, &path) {
        Err(error) => Outcome::rejected(&error),
        Ok(mut reader) => match read_rows(&mut reader) {
            // The footer was read.
            Outcome { depth: crate::outcome::Depth::Rejected, message } => {
                Outcome { depth: crate::outcome::Depth::Parsed, message }
            }
            outcome => outcome,
        },
    }
}
