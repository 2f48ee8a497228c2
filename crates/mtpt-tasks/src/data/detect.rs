use std::io::{BufRead, BufReader};
use std::path::Path;

use mtpt_io::IoError;
use mtpt_io::fs::open;

use crate::data::decoded::Decoded;
use crate::data::encoding::Encoding;
use crate::data::error::DataError;
use crate::data::format::Format;
use crate::data::layout::{Dialect, Layout};
use crate::data::lines::{CarriageReturn, Lines};
use crate::error::{Error, Result};

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
    /// Detects the format and dialect of a file of tables or objects.
    ///
    /// A file is Parquet if its name ends in `.parquet` or its first bytes are `PAR1`. It is JSON
    /// if its first line starts with `{` or `[`. Otherwise the most frequent separator outside of
    /// quotes decides; a tab outweighs all others, and a line `sep=;` decides alone. A file with
    /// tabs is quoted if it can only be read in that way. GLUE's formats are detected as tables.
    ///
    /// # Errors
    ///
    /// Returns [`IoError`], [`DataError::Encoding`], [`DataError::ForeignFile`],
    /// [`DataError::NoRows`] for an empty file, or [`DataError::UnknownFormat`].
    pub fn of_file(path: &Path, encoding: Option<Encoding>) -> Result<Self> {
        let failed = IoError::with("read", path);
        let mut file = BufReader::new(open(path)?);
        let ending = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
        if ending || file.fill_buf().map_err(failed)?.starts_with(b"PAR1") {
            return Ok(Self { format: Format::Parquet, encoding, dialect: None });
        }
        let mut lines = Lines::new(Decoded::new(file, encoding), path, CarriageReturn::LineEnd);
        let line = loop {
            match lines.read()? {
                Some((line, _)) if line.trim().is_empty() => {}
                Some((line, _)) => break line,
                None => return Err(DataError::NoRows { path: path.to_path_buf() }.into()),
            }
        };
        if line.trim_start().starts_with(['{', '[']) {
            return Ok(Self { format: Format::JsonLines, encoding, dialect: None });
        }
        let Some((format, separator)) = of_header(line) else {
            return Err(DataError::UnknownFormat { path: path.to_path_buf() }.into());
        };
        let dialect =
            separator.map(|separator| Dialect { separator: Some(separator), quotes: None });
        Self { format, encoding, dialect }.with_quotes(path)
    }

    /// Selects quoting for a file with tabs that cannot be read without it.
    fn with_quotes(self, path: &Path) -> Result<Self> {
        let failure = |layout: Self| layout.open(path).map(|mut rows| rows.find_map(Result::err));
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

/// Returns the separator that Excel's first line `sep=;` names.
pub(crate) fn separator_line(line: &str) -> Option<char> {
    let line = line.trim_matches('"');
    let rest = line.get(..4).filter(|start| start.eq_ignore_ascii_case("sep="))?;
    let mut separator = line[rest.len()..].chars();
    match (separator.next(), separator.next()) {
        (Some(separator), None) if separator.is_ascii() => Some(separator),
        _ => None,
    }
}
