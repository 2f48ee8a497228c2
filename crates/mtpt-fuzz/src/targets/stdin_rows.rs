use std::io::Cursor;
use std::path::Path;

use mtpt::io::fs;
use mtpt::tasks::Reader;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_file;
use crate::targets::table::read_rows;

/// Rows of a stream whose format and compression are detected.
pub(super) const TARGET: Target = Target { name: "stdin_rows", fixtures: &[], read, repair: None };

fn read(folder: &Path) -> Outcome {
    let bytes = first_file(folder).and_then(|path| fs::read(&path).ok());
    let Some(bytes) = bytes else { return Outcome::not_readable() };
    match Reader::detect_stream(Cursor::new(bytes), Path::new("standard input"), None) {
        Err(error) => Outcome::rejected(&error),
        Ok(mut reader) => read_rows(&mut reader),
    }
}
