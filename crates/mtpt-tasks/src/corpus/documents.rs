use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::compression::Compression;
use crate::data::decoded::Decoded;
use crate::data::decompressed::{Decompressed, open_decompressed};
use crate::data::encoding::Encoding;
use crate::data::format::Format;
use crate::data::layout::Layout;
use crate::data::lines::{CarriageReturn, Lines};
use crate::data::location::SourceLocation;
use crate::data::reader::Reader;
use crate::error::Result;

/// Format of a file of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DocumentFormat {
    /// One document per line.
    Text,
    /// One JSON object per line, or an array of objects, with the document in the field `text`.
    JsonLines,
}

/// Field of a JSON object with the document.
const FIELD: &str = "text";

impl DocumentFormat {
    /// Returns the format for a file name: JSON Lines for `.jsonl`, `.ndjson` and `.json`,
    /// otherwise text. An ending such as `.gz` is ignored.
    pub fn of(path: &Path) -> Self {
        let path = Compression::uncompressed_name(path);
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" | "json" => Self::JsonLines,
            _ => Self::Text,
        }
    }

    /// Opens a file. Without an encoding it is that of the byte order mark, otherwise UTF-8.
    ///
    /// # Errors
    ///
    /// Returns [`IoError`](crate::IoError) if the file cannot be opened.
    pub fn open(self, path: &Path, encoding: Option<Encoding>) -> Result<Documents> {
        Ok(Documents(match self {
            Self::Text => {
                let bytes = Decoded::new(open_decompressed(path)?.0, encoding);
                Source::Text(Box::new(Lines::new(bytes, path, CarriageReturn::AsInFirstLine)))
            }
            Self::JsonLines => {
                let layout = Layout { encoding, ..Format::JsonLines.into() };
                Source::JsonLines(Box::new(layout.open(path)?))
            }
        }))
    }
}

/// Iterator over the documents of a file and their locations; empty lines are skipped.
///
/// # Errors
///
/// Items may be [`IoError`](crate::IoError), or an error of a [`Reader`].
pub struct Documents(Source);

enum Source {
    Text(Box<Lines<Decompressed>>),
    JsonLines(Box<Reader>),
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
