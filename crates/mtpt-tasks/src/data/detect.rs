use std::io::{BufRead, Read};
use std::path::Path;

use crate::data::compression_error::CompressionError;
use crate::data::decoded::Decoded;
use crate::data::decompressed::{open_decompressed, read_error};
use crate::data::encoding::Encoding;
use crate::data::error::DataError;
use crate::data::format::Format;
use crate::data::layout::{Dialect, Layout, separator_line};
use crate::data::lines::{CarriageReturn, Lines};
use crate::data::location::SourceLocation;
use crate::error::{Error, Result};

/// Maximum number of bytes that are read to find the header.
const MAX_HEADER: usize = 1 << 20;

impl Format {
    /// Detects the format of a file of tables or objects by its first line.
    ///
    /// # Errors
    ///
    /// As [`Layout::of_file`].
    pub fn of_file(path: &Path) -> Result<Self> {
        Ok(Layout::of_file(path, None)?.format)
    }
}

impl Layout {
    /// Detects the format and dialect of a file of tables or objects, which may be compressed.
    ///
    /// A file is Parquet if its name ends in `.parquet` or its first bytes are `PAR1`. It is JSON
    /// if its first line starts with `{` or `[`. Otherwise the most frequent separator outside of
    /// quotes decides; a tab outweighs all others, and a line `sep=;` decides alone. A file with
    /// tabs is quoted if it can only be read in that way. GLUE's formats are detected as tables.
    ///
    /// # Errors
    ///
    /// Returns [`IoError`](crate::IoError), [`DataError::Encoding`], [`DataError::ForeignFile`],
    /// [`DataError::NoRows`] for an empty file, [`DataError::UnknownFormat`], or a
    /// [`CompressionError`].
    pub fn of_file(path: &Path, encoding: Option<Encoding>) -> Result<Self> {
        let (mut bytes, compression) = open_decompressed(path)?;
        let start = read_start(&mut *bytes, path, encoding)?;
        let ending = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
        if ending || is_parquet(&start) {
            if let Some(compression) = compression {
                let path = path.to_path_buf();
                return Err(CompressionError::Parquet { path, compression }.into());
            }
            return Ok(Self { format: Format::Parquet, encoding, dialect: None });
        }
        let layout = Self::of_first_line(&start, path, encoding)?;
        layout.with_quotes(|layout| Ok(layout.open(path)?.find_map(Result::err)))
    }

    /// Detects the format and dialect of tables or objects by their start.
    pub(crate) fn of_start(start: &[u8], path: &Path, encoding: Option<Encoding>) -> Result<Self> {
        let lines =
            start.iter().rposition(|&byte| byte == b'\n').map_or(start, |end| &start[..=end]);
        Self::of_first_line(start, path, encoding)?.with_quotes(|layout| {
            Ok(layout.read(lines, path).find_map(Result::err).filter(|error| {
                // The quote may be closed later.
                !matches!(error, Error::Data(DataError::OpenQuote { .. }))
            }))
        })
    }

    fn of_first_line(start: &[u8], path: &Path, encoding: Option<Encoding>) -> Result<Self> {
        if starts_as_json(&decoded(start, encoding)) {
            return Ok(Self { format: Format::JsonLines, encoding, dialect: None });
        }
        let mut lines = Lines::new(Decoded::new(start, encoding), path, CarriageReturn::LineEnd);
        let line = loop {
            match lines.read()? {
                Some((line, _)) if line.trim().is_empty() => {}
                Some((line, _)) => break line,
                None => return Err(DataError::NoRows { path: path.to_path_buf() }.into()),
            }
        };
        let Some((format, separator)) = of_header(line) else {
            return Err(DataError::UnknownFormat { path: path.to_path_buf() }.into());
        };
        let dialect =
            separator.map(|separator| Dialect { separator: Some(separator), quotes: None });
        Ok(Self { format, encoding, dialect })
    }

    /// Selects quoting for a table with tabs that cannot be read without it. The first error of
    /// reading the table in a layout is returned by a function.
    fn with_quotes(self, failure: impl Fn(Self) -> Result<Option<Error>>) -> Result<Self> {
        if !self.may_be_quoted() {
            return Ok(self);
        }
        let looks_quoted = matches!(
            failure(self)?,
            Some(Error::Data(DataError::Quoted { .. } | DataError::FieldCount { quote: true, .. }))
        );
        let dialect = Dialect { quotes: Some(true), ..self.dialect.unwrap_or_default() };
        let quoted = Self { dialect: Some(dialect), ..self };
        Ok(if looks_quoted && failure(quoted)?.is_none() { quoted } else { self })
    }
}

/// Returns whether a file that starts like this is Parquet.
pub(crate) fn is_parquet(start: &[u8]) -> bool {
    start.starts_with(b"PAR1")
}

/// Reads the start of a file, up to its first line that is not blank, from which the format is
/// detected.
///
/// # Errors
///
/// Returns [`IoError`](crate::IoError) or a [`CompressionError`].
pub(crate) fn read_start(
    bytes: &mut dyn BufRead,
    path: &Path,
    encoding: Option<Encoding>,
) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    while start.len() < MAX_HEADER {
        let failed = |error| read_error(error, SourceLocation::new(path, 1));
        let next = bytes.fill_buf().map_err(failed)?;
        let count = next.len();
        let may_be_complete = start.is_empty() || next.iter().any(|byte| b"\n\r".contains(byte));
        start.extend_from_slice(next);
        bytes.consume(count);
        if count == 0 || may_be_complete && has_first_line(&start, encoding) {
            break;
        }
    }
    Ok(start)
}

/// Returns whether the format can be detected.
fn has_first_line(start: &[u8], encoding: Option<Encoding>) -> bool {
    let text = decoded(start, encoding);
    is_parquet(start) || starts_as_json(&text) || text.trim_start().contains(['\n', '\r'])
}

/// Returns the text of bytes whose last character may be incomplete.
fn decoded(start: &[u8], encoding: Option<Encoding>) -> String {
    let mut text = Vec::new();
    // Reading from memory doesn't fail.
    let _ = Decoded::new(start, encoding).read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn starts_as_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// Returns the format of a header, and its separator if that is not the one of the format.
fn of_header(line: &str) -> Option<(Format, Option<char>)> {
    let format = |separator| match separator {
        '\t' => (Format::Tsv, None),
        ',' => (Format::Csv, None),
        ';' => (Format::CsvSemicolon, None),
        other => (Format::Csv, Some(other)),
    };
    if let Some(separator) = separator_line(line) {
        return Some(format(separator));
    }
    let count = |separator: char| {
        let mut quoted = false;
        line.chars()
            .filter(|&character| {
                quoted ^= character == '"';
                !quoted && character == separator
            })
            .count()
    };
    if count('\t') > 0 {
        return Some(format('\t'));
    }
    // The first of equally frequent separators wins.
    let counts = [',', ';', '|'].map(|separator| (count(separator), separator));
    let most = counts.into_iter().rev().max_by_key(|&(count, _)| count)?;
    (most.0 > 0).then(|| format(most.1))
}
