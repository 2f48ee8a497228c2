use std::path::Path;
use std::{io, mem};

use mtpt::tasks::data::{DataError, JsonProblem};
use mtpt::tasks::{Example, Format, Layout, Reader};

use crate::args::inference::PromptedRows;
use crate::error::{Error, Result};
use crate::input::row::Row;

/// Name of standard input in messages.
const STANDARD_INPUT: &str = "standard input";

/// Reads rows from a file or from standard input and processes them in batches, in order.
///
/// A file may have any format of a data file, and standard input has JSON objects.
///
/// # Errors
///
/// An unusable row ends the command with an error that names the row. The rows before it are
/// processed first.
pub(crate) fn for_each_batch<T>(
    arguments: &PromptedRows,
    prepare: impl Fn(Row) -> Result<T>,
    mut process: impl FnMut(Vec<T>) -> Result<()>,
) -> Result<()> {
    let batch_size = arguments.batch_size;
    let mut batch = Vec::with_capacity(batch_size);
    let mut failure = None;
    for row in rows(arguments)? {
        match row.map(Row::new).and_then(&prepare) {
            Ok(row) => batch.push(row),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
        if batch.len() == batch_size {
            process(mem::replace(&mut batch, Vec::with_capacity(batch_size)))?;
        }
    }
    if !batch.is_empty() {
        process(batch)?;
    }
    failure.map_or(Ok(()), Err)
}

/// Returns the rows of the input. An empty file has none, like empty standard input.
fn rows(arguments: &PromptedRows) -> Result<Box<dyn Iterator<Item = Result<Example>>>> {
    let encoding = arguments.encoding;
    if let Some(path) = arguments.input.as_deref() {
        let layout = match Layout::of_file(path, encoding) {
            Err(mtpt::tasks::Error::Data(DataError::NoRows { .. })) => {
                return Ok(Box::new(std::iter::empty()));
            }
            layout => layout?,
        };
        return Ok(Box::new(layout.open(path)?.map(|row| Ok(row?))));
    }
    let layout = Layout { encoding, ..Format::JsonLines.into() };
    let rows: Reader<_> = layout.read(io::stdin().lock(), Path::new(STANDARD_INPUT));
    Ok(Box::new(rows.map(|row| row.map_err(no_json))))
}

/// Explains how to pass a table, if standard input is not JSON at all.
fn no_json(error: mtpt::tasks::Error) -> Error {
    match &error {
        mtpt::tasks::Error::Data(DataError::Json {
            location,
            problem: JsonProblem::Unexpected { column: 1, .. },
        }) => Error::Row {
            location: location.clone(),
            problem: "expected a JSON object; pass a CSV or TSV file with `--input`".to_owned(),
        },
        _ => error.into(),
    }
}
