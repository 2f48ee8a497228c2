use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use csv::{ByteRecord, Terminator};

use crate::data::error::DataError;
use crate::data::location::SourceLocation;
use crate::error::Result;
use mtpt_io::IoError;

/// Rows of a file with quoted fields, as RFC 4180 has them: a field in double quotes may hold
/// separators, line breaks and, doubled, quotes.
pub(crate) struct CsvRows<R> {
    rows: csv::Reader<WholeLines<R>>,
    record: ByteRecord,
    file: Arc<Path>,
}

impl<R: BufRead> CsvRows<R> {
    pub(crate) fn new(bytes: R, file: Arc<Path>, separator: u8) -> Self {
        let bytes = WholeLines { bytes, last: None, held: false, ended: false };
        let rows = csv::ReaderBuilder::new()
            .delimiter(separator)
            .terminator(Terminator::Any(b'\n'))
            .has_headers(false)
            // The number of fields is checked by who knows their names.
            .flexible(true)
            .from_reader(bytes);
        Self { rows, record: ByteRecord::new(), file }
    }

    /// The fields of the next row that has any character, where it begins, and the line where it
    /// ends.
    pub(crate) fn read(&mut self) -> Result<Option<(Vec<String>, SourceLocation, usize)>> {
        let found = self.rows.read_byte_record(&mut self.record).map_err(|error| {
            let source = match error.into_kind() {
                csv::ErrorKind::Io(source) => source,
                // Fields are bytes here, and may be any number: nothing but reading can fail.
                other => io::Error::other(format!("{other:?}")),
            };
            IoError::new("read", self.file.as_ref(), source)
        })?;
        if !found {
            return Ok(None);
        }
        // Where the reader stands: its own record of a row's location does not count the empty
        // lines before the row.
        let next_line = self.rows.position().line() as usize;
        let breaks = self.record.iter().flatten().filter(|&&byte| byte == b'\n').count();
        // A row ends with its line, so that only an open quote can make the end of the file the end
        // of a row.
        let open = self.rows.get_ref().ended;
        let last_line = next_line - 1;
        let line = last_line - breaks + usize::from(open);
        let location = SourceLocation::new(Arc::clone(&self.file), line);
        if open {
            return Err(DataError::OpenQuote { location }.into());
        }
        let fields = self
            .record
            .iter()
            .map(|field| match std::str::from_utf8(field) {
                Ok(text) => Ok(text.to_owned()),
                Err(_) => Err(DataError::NotUtf8 { location: location.clone() }.into()),
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Some((fields, location, last_line)))
    }
}

/// Bytes whose every line, the last one too, ends with a line feed alone, however the file has it.
struct WholeLines<R> {
    bytes: R,
    /// The byte that was handed on last.
    last: Option<u8>,
    /// Whether a carriage return waits for what comes after it.
    held: bool,
    /// Whether the end was told.
    ended: bool,
}

impl<R: BufRead> Read for WholeLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        // One place more is kept for a carriage return that was held back.
        while written + 1 < buffer.len() {
            let available = self.bytes.fill_buf()?;
            let count = available.len().min(buffer.len() - written - 1);
            if count == 0 {
                if written == 0 && self.last.is_some_and(|last| last != b'\n') {
                    buffer[0] = b'\n';
                    written = 1;
                }
                break;
            }
            for &byte in &available[..count] {
                if std::mem::take(&mut self.held) && byte != b'\n' {
                    buffer[written] = b'\r';
                    written += 1;
                }
                self.held = byte == b'\r';
                if !self.held {
                    buffer[written] = byte;
                    written += 1;
                }
            }
            self.bytes.consume(count);
            if written > 0 {
                break;
            }
        }
        match buffer[..written].last() {
            Some(&last) => self.last = Some(last),
            None => self.ended = true,
        }
        Ok(written)
    }
}
