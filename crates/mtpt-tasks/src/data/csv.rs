use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use csv::{ByteRecord, Terminator};

use crate::data::error::DataError;
use crate::data::location::SourceLocation;
use crate::error::Result;
use mtpt_io::IoError;

/// Reader of rows with quoted fields (RFC 4180): a field in double quotes may contain separators,
/// line breaks and doubled quotes.
pub(crate) struct CsvRows<R> {
    rows: csv::Reader<NormalizedLines<R>>,
    record: ByteRecord,
    file: Arc<Path>,
}

impl<R: BufRead> CsvRows<R> {
    pub(crate) fn new(bytes: R, file: Arc<Path>, separator: u8) -> Self {
        let bytes = NormalizedLines { bytes, last: None, pending_return: false, ended: false };
        let rows = csv::ReaderBuilder::new()
            .delimiter(separator)
            .terminator(Terminator::Any(b'\n'))
            .has_headers(false)
            // The caller checks the number of fields.
            .flexible(true)
            .from_reader(bytes);
        Self { rows, record: ByteRecord::new(), file }
    }

    /// Returns the fields of the next non-empty row, its location, and its last line.
    pub(crate) fn read(&mut self) -> Result<Option<(Vec<String>, SourceLocation, usize)>> {
        let found = self.rows.read_byte_record(&mut self.record).map_err(|error| {
            let source = match error.into_kind() {
                csv::ErrorKind::Io(source) => source,
                // Byte records of flexible length fail only if reading fails.
                other => io::Error::other(format!("{other:?}")),
            };
            IoError::new("read", self.file.as_ref(), source)
        })?;
        if !found {
            return Ok(None);
        }
        // The position of the record itself would not count empty lines before the row.
        let next_line = self.rows.position().line() as usize;
        let breaks = self.record.iter().flatten().filter(|&&byte| byte == b'\n').count();
        // Every line ends with a line feed, so only an unclosed quote lets a row extend to the end
        // of the file.
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

/// Bytes in which every line, including the last, ends with a single line feed.
struct NormalizedLines<R> {
    bytes: R,
    /// The last byte returned.
    last: Option<u8>,
    /// Whether a carriage return is pending until the next byte is known.
    pending_return: bool,
    /// Whether the end of the file was returned.
    ended: bool,
}

impl<R: BufRead> Read for NormalizedLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        // One byte is reserved for a pending carriage return.
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
                if std::mem::take(&mut self.pending_return) && byte != b'\n' {
                    buffer[written] = b'\r';
                    written += 1;
                }
                self.pending_return = byte == b'\r';
                if !self.pending_return {
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
