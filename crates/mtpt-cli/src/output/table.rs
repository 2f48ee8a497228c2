use std::io::{self, Write};
use std::path::Path;

use mtpt::io::IoError;
use mtpt::io::fs::AtomicFile;

use crate::error::Result;
use crate::fields::Fields;
use crate::output::columns::{Column, Columns};
use crate::output::csv::CsvWriter;
use crate::output::entry::Entry;
use crate::output::format::OutputFormat;
use crate::output::json::{ArrayWriter, LinesWriter};
#[cfg(feature = "parquet")]
use crate::output::parquet::ParquetWriter;
use crate::output::table_writer::TableWriter;

/// Writes all entries that have answers to a file, which appears with all of them or not at all.
///
/// A row with several answers is repeated.
pub(crate) fn write_table(
    path: &Path,
    entries: impl Iterator<Item = Result<Entry>>,
    columns: &Columns,
    prefix: &str,
) -> Result<()> {
    let failed = IoError::with("write", path);
    let format = OutputFormat::of_path(path)?;
    let mut file = AtomicFile::create(path)?;
    let named = columns
        .answers
        .iter()
        .map(|column| Column { name: format!("{prefix}{}", column.name), kind: column.kind });
    let all: Vec<Column> = columns.rows.iter().cloned().chain(named).collect();
    let mut table = writer(format, &mut file, &all).map_err(failed)?;
    for entry in entries {
        let entry = entry?;
        for answer in &entry.answers {
            let row = joined(entry.columns.as_ref(), answer, prefix);
            table.row(&row).map_err(failed)?;
        }
    }
    table.finish().map_err(failed)?;
    Ok(file.commit()?)
}

/// Returns the columns of a row and the fields of its answer.
pub(crate) fn joined(columns: Option<&Fields>, answer: &Fields, prefix: &str) -> Fields {
    let mut row = columns.cloned().unwrap_or_default();
    row.extend(answer.iter().map(|(name, value)| (format!("{prefix}{name}"), value.clone())));
    row
}

fn writer<'a>(
    format: OutputFormat,
    file: impl Write + Send + 'a,
    columns: &[Column],
) -> io::Result<Box<dyn TableWriter + 'a>> {
    Ok(match format {
        OutputFormat::JsonLines => Box::new(LinesWriter(file)),
        OutputFormat::Json => Box::new(ArrayWriter::new(file)),
        OutputFormat::Csv => Box::new(CsvWriter::new(file, b',', columns)?),
        OutputFormat::Tsv => Box::new(CsvWriter::new(file, b'\t', columns)?),
        #[cfg(feature = "parquet")]
        OutputFormat::Parquet => Box::new(ParquetWriter::new(file, columns)?),
        #[cfg(not(feature = "parquet"))]
        OutputFormat::Parquet => return Err(io::ErrorKind::Unsupported.into()),
    })
}
