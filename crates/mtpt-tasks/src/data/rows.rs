use std::io::BufRead;

use crate::data::error::DataError;
use crate::data::json::rows::JsonRows;
use crate::data::lines::Lines;
#[cfg(feature = "parquet")]
use crate::data::parquet::rows::ParquetRows;
use crate::data::quoted_rows::{FieldsOfRow, MAX_FIELDS, read_row};
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
            Self::Lines(lines) => {
                let Some((line, location)) = lines.read()? else { return Ok(None) };
                let mut parts = line.split(separator);
                let fields = parts.by_ref().take(MAX_FIELDS).map(str::to_owned).collect();
                if parts.next().is_some() {
                    let maximum = MAX_FIELDS;
                    return Err(DataError::TooManyFields { location, maximum }.into());
                }
                let last_line = location.line();
                Ok(Some(FieldsOfRow { fields, last_line, location, quoted: false }))
            }
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
