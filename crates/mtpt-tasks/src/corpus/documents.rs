use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::format::Format;
use crate::data::lines::Lines;
use crate::data::location::SourceLocation;
use crate::data::reader::Reader;
use crate::error::Result;
use mtpt_io::IoError;

/// Format of a file of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DocumentFormat {
    /// One document per line.
    Text,
    /// One JSON object per line, with the document in the field `text`.
    JsonLines,
}

/// Field of a JSON object with the document.
const FIELD: &str = "text";

impl DocumentFormat {
    /// Returns the format for a file name: JSON Lines for `.jsonl`, `.ndjson` and `.json`,
    /// otherwise text.
    pub fn of(path: &Path) -> Self {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" | "json" => Self::JsonLines,
            _ => Self::Text,
        }
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// Returns [`IoError`] if the file cannot be opened.
    pub fn open(self, path: &Path) -> Result<Documents> {
        Ok(Documents(match self {
            Self::Text => {
                let failed = IoError::with("read", path);
                let file = File::open(path).map_err(failed)?;
                Source::Text(Lines::new(BufReader::new(file), path))
            }
            Self::JsonLines => Source::JsonLines(Reader::open(Format::JsonLines, path)?),
        }))
    }
}

/// Iterator over the documents of a file and their locations; empty lines are skipped.
///
/// # Errors
///
/// Items may be [`IoError`], or an error of a [`Reader`].
#[derive(Debug)]
pub struct Documents(Source);

#[derive(Debug)]
enum Source {
    Text(Lines<BufReader<File>>),
    JsonLines(Reader),
}

impl Iterator for Documents {
    type Item = Result<(String, SourceLocation)>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Text(lines) => {
                let line = lines.read().transpose()?;
                Some(line.map(|(line, location)| (line.to_owned(), location)))
            }
            Source::JsonLines(rows) => {
                let row = rows.next()?;
                Some(
                    row.and_then(|row| {
                        Ok((row.require(FIELD)?.to_owned(), row.location().clone()))
                    }),
                )
            }
        }
    }
}
