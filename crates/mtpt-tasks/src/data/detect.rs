use std::io::{BufRead, BufReader};
use std::path::Path;

use mtpt_io::IoError;
use mtpt_io::fs::open;

use crate::data::error::DataError;
use crate::data::format::Format;
use crate::data::location::SourceLocation;
use crate::error::Result;

impl Format {
    /// Detects the format of a file of tables or objects by its first line.
    ///
    /// A file is Parquet if its name ends in `.parquet` or its first bytes are `PAR1`. It is JSON
    /// Lines if its first line starts with `{`. Otherwise the most frequent separator outside of
    /// quotes decides; a tab outweighs all others. GLUE's formats are detected as tables.
    ///
    /// # Errors
    ///
    /// Returns [`IoError`], [`DataError::NotUtf8`], [`DataError::NoRows`] for an empty file, or
    /// [`DataError::UnknownFormat`].
    pub fn of_file(path: &Path) -> Result<Self> {
        let failed = IoError::with("read", path);
        let mut line = Vec::new();
        let mut file = BufReader::new(open(path)?);
        let ending = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
        if ending || file.fill_buf().map_err(failed)?.starts_with(b"PAR1") {
            return Ok(Self::Parquet);
        }
        while line.trim_ascii().is_empty() {
            line.clear();
            if file.read_until(b'\n', &mut line).map_err(failed)? == 0 {
                return Err(DataError::NoRows { path: path.to_path_buf() }.into());
            }
        }
        let Ok(line) = std::str::from_utf8(&line) else {
            return Err(DataError::NotUtf8 { location: SourceLocation::new(path, 1) }.into());
        };
        let line = line.trim_start_matches('\u{feff}').trim_start_matches(' ');
        if line.starts_with('{') {
            return Ok(Self::JsonLines);
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
        if !line.starts_with('[') {
            if count('\t') > 0 {
                return Ok(Self::Tsv);
            }
            match (count(','), count(';')) {
                (0, 0) => {}
                (commas, semicolons) if commas >= semicolons => return Ok(Self::Csv),
                _ => return Ok(Self::CsvSemicolon),
            }
        }
        Err(DataError::UnknownFormat { path: path.to_path_buf(), array: line.starts_with('[') }
            .into())
    }
}
