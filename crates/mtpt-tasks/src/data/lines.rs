use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use crate::data::decoded::Decoded;
use crate::data::decompressed::read_error;
use crate::data::location::SourceLocation;
use crate::error::Result;

/// Meaning of a carriage return that no line feed follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CarriageReturn {
    /// It is a character of the text.
    Text,
    /// It ends a line.
    LineEnd,
    /// It ends a line if it ends the first one.
    AsInFirstLine,
}

/// Numbered lines of text.
pub(crate) struct Lines<R> {
    bytes: Decoded<R>,
    file: Arc<Path>,
    line: usize,
    buffer: Vec<u8>,
    carriage_return: CarriageReturn,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(bytes: Decoded<R>, path: &Path, carriage_return: CarriageReturn) -> Self {
        Self { bytes, file: path.into(), line: 0, buffer: Vec::new(), carriage_return }
    }

    /// Returns the next line that is not empty.
    pub(crate) fn read(&mut self) -> Result<Option<(&str, SourceLocation)>> {
        while self.next()? {
            if !self.buffer.is_empty() {
                return self.current().map(Some);
            }
        }
        Ok(None)
    }

    /// Returns the next line, which may be empty.
    pub(crate) fn read_any(&mut self) -> Result<Option<(&str, SourceLocation)>> {
        if self.next()? { self.current().map(Some) } else { Ok(None) }
    }

    /// Returns the location of the last line read.
    pub(crate) fn location(&self) -> SourceLocation {
        SourceLocation::new(Arc::clone(&self.file), self.line)
    }

    fn current(&self) -> Result<(&str, SourceLocation)> {
        match std::str::from_utf8(&self.buffer) {
            Ok(line) => Ok((line, self.location())),
            Err(_) => Err(self.bytes.invalid(self.location())),
        }
    }

    /// Reads a line into the buffer without its end; returns false at the end of the file.
    fn next(&mut self) -> Result<bool> {
        self.buffer.clear();
        if self.line == 0 {
            self.bytes.check(&self.file)?;
        }
        let location = SourceLocation::new(Arc::clone(&self.file), self.line + 1);
        let failed = |error| read_error(error, location.clone());
        let mut found = false;
        loop {
            let bytes = self.bytes.fill_buf().map_err(failed)?;
            if bytes.is_empty() {
                break;
            }
            found = true;
            let Some(end) = bytes.iter().position(|&byte| matches!(byte, b'\n' | b'\r')) else {
                let count = bytes.len();
                self.buffer.extend_from_slice(bytes);
                self.bytes.consume(count);
                continue;
            };
            self.buffer.extend_from_slice(&bytes[..end]);
            let is_return = bytes[end] == b'\r';
            self.bytes.consume(end + 1);
            if !is_return {
                self.found_line_end(CarriageReturn::Text);
                break;
            }
            let after = self.bytes.fill_buf().map_err(failed)?.first().copied();
            if after == Some(b'\n') {
                self.bytes.consume(1);
                self.found_line_end(CarriageReturn::Text);
                break;
            }
            if after.is_none() {
                break;
            }
            self.found_line_end(CarriageReturn::LineEnd);
            if self.carriage_return == CarriageReturn::LineEnd {
                break;
            }
            self.buffer.push(b'\r');
        }
        self.line += usize::from(found);
        Ok(found)
    }

    /// Applies the end of the first line to the others.
    fn found_line_end(&mut self, meaning: CarriageReturn) {
        if self.carriage_return == CarriageReturn::AsInFirstLine {
            self.carriage_return = meaning;
        }
    }
}
