use std::io::BufRead;

use crate::data::json::rows::JsonRows;
use crate::data::lines::Lines;
#[cfg(feature = "parquet")]
use crate::data::parquet::rows::ParquetRows;
use crate::data::quoted_rows::{FieldsOfRow, read_row};
use crate::error::Result;

/// Rows of a file before their fields are named.
pub(crate) enum Rows<R> {
    /// One row per line.
    Lines(Lines<R>),
    /// Rows with line breaks in quoted fields.
    Quoted(Lines<R>),
    /// Objects.
    Json(JsonRows<R>),
    /// Rows of a Parquet file.
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows>),
}

impl<R: BufRead> Rows<R> {
    /// Returns the next row of a delimited file.
    pub(crate) fn next_fields(&mut self, separator: char) -> Result<Option<FieldsOfRow>> {
        match self {
            Self::Quoted(lines) => read_row(lines, separator),
            Self::Lines(lines) => Ok(lines.read()?.map(|(line, location)| FieldsOfRow {
                fields: line.split(separator).map(str::to_owned).collect(),
                last_line: location.line(),
                location,
                quoted: false,
            })),
            _ => Ok(None),
        }
    }

    /// Skips the rest of an invalid row; returns false if the start of the next one is unknown.
    pub(crate) fn skip_line(&mut self) -> Result<bool> {
        match self {
            // The whole row has been read.
            Self::Lines(_) | Self::Quoted(_) => Ok(true),
            Self::Json(rows) => rows.skip_line(),
            #[cfg(feature = "parquet")]
            Self::Parquet(_) => Ok(false),
        }
    }
}
