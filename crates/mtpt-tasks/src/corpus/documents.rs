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

/// How the documents of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DocumentFormat {
    /// A document a line.
    Text,
    /// A JSON object a line, with the document in its field `text`.
    JsonLines,
}

/// The field of a JSON object that holds the document.
const FIELD: &str = "text";

impl DocumentFormat {
    /// The format that a file's name tells of: JSON Lines for `.jsonl`, `.ndjson` and `.json`, else text.
    pub fn of(path: &Path) -> Self {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" | "json" => Self::JsonLines,
            _ => Self::Text,
        }
    }

    /// Opens a file to read its documents one by one.
    ///
    /// # Errors
    ///
    /// [`IoError`] if the file cannot be opened.
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

/// The documents of a file with their places, one by one; lines without any character are passed over.
///
/// # Errors
///
/// Each item may be one: [`IoError`], and, with file and line, [`DataError::NotUtf8`], [`DataError::Json`],
/// [`DataError::UnknownField`] and [`DataError::FieldKind`].
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
