use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use mtpt::tasks::{Format, Reader};

use crate::error::{Error, Result};
use crate::input::row::Row;

/// Reads rows from a file or from standard input and processes them in batches, in order.
///
/// # Errors
///
/// An unusable row ends the command with an error that names the row. The rows before it are
/// processed first.
pub(crate) fn for_each_batch<T>(
    file: Option<&Path>,
    batch_size: usize,
    prepare: impl Fn(Row) -> Result<T>,
    mut process: impl FnMut(&[T]) -> Result<()>,
) -> Result<()> {
    let mut batch = Vec::with_capacity(batch_size);
    let mut failure = None;
    let rows: Box<dyn Iterator<Item = Result<Row>>> = match file {
        Some(path) => read_file(path)?,
        None => Box::new(json_rows(io::stdin().lock(), Error::Input)),
    };
    for row in rows {
        match row.and_then(&prepare) {
            Ok(row) => batch.push(row),
            Err(error @ (Error::Input(_) | Error::Read { .. })) => return Err(error),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
        if batch.len() == batch_size {
            process(&batch)?;
            batch.clear();
        }
    }
    if !batch.is_empty() {
        process(&batch)?;
    }
    failure.map_or(Ok(()), Err)
}

/// Reads a file whose first line reveals its format.
///
/// JSON Lines are parsed here, not by [`Format::open`], because rows may contain token ids.
fn read_file(path: &Path) -> Result<Box<dyn Iterator<Item = Result<Row>>>> {
    let format = Format::of_file(path)?;
    if format != Format::JsonLines {
        let rows = Reader::open(format, path)?;
        return Ok(Box::new(rows.map(|example| Ok(Row::from_example(&example?)))));
    }
    let failed = {
        let path = path.to_owned();
        move |source| Error::Read { path: path.clone(), source }
    };
    let file = File::open(path).map_err(&failed)?;
    Ok(Box::new(json_rows(BufReader::new(file), failed)))
}

/// Parses JSON Lines, skipping empty lines.
fn json_rows(
    lines: impl BufRead,
    failed: impl Fn(io::Error) -> Error,
) -> impl Iterator<Item = Result<Row>> {
    lines.lines().zip(1..).filter_map(move |(text, line)| match text {
        Ok(text) => {
            let text = text.trim_start_matches('\u{feff}');
            (!text.trim().is_empty()).then(|| Row::parse(line, text))
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let problem = "expected UTF-8, found other bytes".to_owned();
            Some(Err(Error::Row { line, problem }))
        }
        Err(error) => Some(Err(failed(error))),
    })
}
