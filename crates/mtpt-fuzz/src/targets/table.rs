use std::path::Path;

use mtpt::tasks::data::DataError;
use mtpt::tasks::{Dialect, Encoding, Error, Example, Format, Layout, Reader};

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_file;

/// Tables and JSON Lines of all formats. The stem of the file's name is the format, such as
/// `glue_cola`, or something else to detect it; an encoding may come before the ending, as in
/// `csv.latin1.csv`.
pub(super) const TARGET: Target = Target { name: "table", fixtures: &[], read, repair: None };

/// Maximum number of unreadable rows to skip, as `predict` does.
const MAX_SKIPPED: usize = 1_000;

fn read(folder: &Path) -> Outcome {
    let Some(path) = first_file(folder) else { return Outcome::not_readable() };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut parts = name.split('.');
    let format = parts.next().and_then(Format::of_name);
    let encoding = parts.next().and_then(|encoding| encoding.parse::<Encoding>().ok());
    // Quotes and separators that differ from the format's.
    let dialect =
        name.contains("dialect").then_some(Dialect { separator: Some('|'), quotes: Some(true) });
    let opened = match format {
        Some(format) => {
            let layout = Layout { format, encoding, dialect };
            layout.check().and_then(|()| layout.open(&path))
        }
        None => Reader::detect(&path, encoding),
    };
    match opened {
        Err(error) => Outcome::rejected(&error),
        Ok(mut reader) => read_rows(&mut reader),
    }
}

/// Reads all rows, and skips those that can't be read.
pub(super) fn read_rows<R: std::io::BufRead>(reader: &mut Reader<R>) -> Outcome {
    let mut rows = 0;
    let mut skipped = 0;
    let mut first_error: Option<Error> = None;
    while let Some(row) = reader.next() {
        match row {
            Ok(example) => {
                use_fields(&example);
                rows += 1;
            }
            Err(error) => {
                first_error.get_or_insert(error);
                skipped += 1;
                reader.take_row_error();
                if skipped > MAX_SKIPPED || !reader.skip_bad_row().unwrap_or(false) {
                    break;
                }
            }
        }
    }
    match first_error {
        None => Outcome::accepted(format!("2^{} rows", (rows + 1_u32).ilog2())),
        // The first row or the header was not readable.
        Some(error) => {
            let is_first = rows == 0
                && matches!(
                    error.without_context(),
                    Error::Data(
                        DataError::NoHeader { .. }
                            | DataError::Header { .. }
                            | DataError::ForeignFile { .. }
                            | DataError::UnknownFormat { .. }
                            | DataError::Json { .. }
                            | DataError::Encoding { .. }
                            | DataError::Parquet { .. }
                    )
                );
            Outcome::failed(!is_first, &error)
        }
    }
}

/// Uses an example as templates and `inspect` do.
fn use_fields(example: &Example) {
    let names: Vec<String> = example.fields().map(|(name, _)| name.to_owned()).collect();
    for name in names.iter().take(50) {
        let _ = (example.require(name), example.json(name), example.require_texts(name));
    }
    for (_, items) in example.lists() {
        let _ = items.len();
    }
}
