use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use crate::data::error::DataError;
use crate::data::location::SourceLocation;
use crate::error::Result;
use mtpt_io::IoError;

/// Numbered lines of text.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    bytes: R,
    file: Arc<Path>,
    line: usize,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(bytes: R, path: &Path) -> Self {
        Self { bytes, file: path.into(), line: 0, buffer: Vec::new() }
    }

    /// Returns the next non-empty line.
    pub(crate) fn read(&mut self) -> Result<Option<(&str, SourceLocation)>> {
        loop {
            self.buffer.clear();
            let count = self
                .bytes
                .read_until(b'\n', &mut self.buffer)
                .map_err(IoError::with("read", &self.file))?;
            if count == 0 {
                return Ok(None);
            }
            self.line += 1;
            if self.line == 1 && self.buffer.starts_with("\u{feff}".as_bytes()) {
                self.buffer.drain(.."\u{feff}".len());
            }
            if self.buffer.last() == Some(&b'\n') {
                self.buffer.pop();
            }
            if self.buffer.last() == Some(&b'\r') {
                self.buffer.pop();
            }
            if !self.buffer.is_empty() {
                break;
            }
        }
        let location = SourceLocation::new(Arc::clone(&self.file), self.line);
        match std::str::from_utf8(&self.buffer) {
            Ok(line) => Ok(Some((line, location))),
            Err(_) => Err(DataError::NotUtf8 { location }.into()),
        }
    }
}
