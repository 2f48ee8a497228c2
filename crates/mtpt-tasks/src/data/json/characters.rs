use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use crate::data::decoded::Decoded;
use crate::data::decompressed::read_error;
use crate::data::error::DataError;
use crate::data::json::error::{Found, JsonProblem};
use crate::data::location::SourceLocation;
use crate::error::{Error, Result};

/// The bytes of a text with their lines and columns.
pub(crate) struct Characters<R> {
    bytes: Decoded<R>,
    file: Arc<Path>,
    /// Line of the next byte, counted from 1.
    pub(crate) line: usize,
    /// Column of the next byte in characters, counted from 1.
    pub(crate) column: usize,
    /// Whether the last byte was a carriage return, which counts as a line break.
    after_return: bool,
}

impl<R: BufRead> Characters<R> {
    pub(crate) fn new(bytes: Decoded<R>, file: Arc<Path>) -> Self {
        Self { bytes, file, line: 1, column: 1, after_return: false }
    }

    /// Checks that the file is text.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.bytes.check(&self.file)
    }

    /// Returns the next byte without consuming it; `None` at the end of the file.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>> {
        let location = || SourceLocation::new(Arc::clone(&self.file), self.line);
        let bytes = self.bytes.fill_buf().map_err(|error| read_error(error, location()))?;
        Ok(bytes.first().copied())
    }

    /// Consumes the next byte.
    pub(crate) fn skip(&mut self) -> Result<()> {
        if let Some(byte) = self.peek()? {
            self.count(byte);
            self.bytes.consume(1);
        }
        Ok(())
    }

    fn count(&mut self, byte: u8) {
        match byte {
            b'\n' if self.after_return => {}
            b'\n' | b'\r' => {
                self.line += 1;
                self.column = 1;
            }
            // A continuation byte belongs to the character before it.
            0x80..0xc0 => {}
            _ => self.column += 1,
        }
        self.after_return = byte == b'\r';
    }

    /// Appends the bytes up to the first one that is not accepted.
    pub(crate) fn take_while(
        &mut self,
        accepts: impl Fn(u8) -> bool,
        taken: &mut Vec<u8>,
    ) -> Result<()> {
        loop {
            let location = || SourceLocation::new(Arc::clone(&self.file), self.line);
            let bytes = self.bytes.fill_buf().map_err(|error| read_error(error, location()))?;
            let length = bytes.iter().position(|&byte| !accepts(byte)).unwrap_or(bytes.len());
            if length == 0 {
                return Ok(());
            }
            let start = taken.len();
            taken.extend_from_slice(&bytes[..length]);
            self.bytes.consume(length);
            for &byte in &taken[start..] {
                self.count(byte);
            }
        }
    }

    /// Skips spaces, tabs and line breaks, as far as `accepts` permits.
    pub(crate) fn skip_blanks(&mut self) -> Result<()> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek()? {
            self.skip()?;
        }
        Ok(())
    }

    /// Returns what is at the current position, and consumes it.
    pub(crate) fn found(&mut self) -> Result<Found> {
        let mut word = Vec::new();
        let location = self.location();
        self.take_while(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte), &mut word)?;
        if let [byte] = word[..] {
            return Ok(Found::Character(char::from(byte)));
        }
        if !word.is_empty() {
            word.truncate(40);
            return Ok(Found::Word(String::from_utf8_lossy(&word).into_owned()));
        }
        let Some(first) = self.peek()? else { return Ok(Found::End) };
        self.skip()?;
        let mut character = vec![first];
        self.take_while(|byte| (0x80..0xc0).contains(&byte), &mut character)?;
        match std::str::from_utf8(&character).ok().and_then(|text| text.chars().next()) {
            Some(character) => Ok(Found::Character(character)),
            None => Err(self.bytes.invalid(location)),
        }
    }

    /// Converts the bytes of a text.
    pub(crate) fn text(&self, bytes: Vec<u8>) -> Result<String> {
        String::from_utf8(bytes).map_err(|_| self.bytes.invalid(self.location()))
    }

    /// Returns the location of the next byte.
    pub(crate) fn location(&self) -> SourceLocation {
        SourceLocation::new(Arc::clone(&self.file), self.line)
    }

    /// Creates the error for the character at the current position.
    pub(crate) fn unexpected(&mut self, expected: &'static str) -> Result<Error> {
        let (location, column) = (self.location(), self.column);
        let found = self.found()?;
        Ok(DataError::Json {
            location,
            problem: JsonProblem::Unexpected { column, expected, found },
        }
        .into())
    }
}
