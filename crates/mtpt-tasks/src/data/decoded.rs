use std::io::{self, BufRead, Read};
use std::path::Path;

use encoding_rs::{Decoder, DecoderResult};

use crate::data::decompressed::read_error;
use crate::data::encoding::Encoding;
use crate::data::error::DataError;
use crate::data::location::SourceLocation;
use crate::data::signature::foreign_file;
use crate::error::{Error, Result};

/// Number of bytes from which the encoding can be told.
const MARK_LENGTH: usize = 4;
/// Size of the buffer for decoded text. The decoder needs room for at least one character.
const BUFFER_SIZE: usize = 8 * 1024;
/// Takes the place of bytes that are invalid in the encoding. It is invalid in UTF-8, so readers
/// report the line.
const INVALID: u8 = 0xff;

/// The bytes of a text file, converted to UTF-8, without byte order mark.
///
/// A byte order mark decides the encoding, otherwise the choice of the user, otherwise zero bytes
/// in the first two characters (UTF-16), otherwise it is UTF-8.
pub(crate) struct Decoded<R> {
    bytes: R,
    /// First bytes, from which the encoding was found.
    prefix: Vec<u8>,
    /// Number of bytes of the prefix that have been consumed.
    consumed: usize,
    chosen: Option<Encoding>,
    state: State,
    output: Vec<u8>,
    /// Number of bytes of the output that have been consumed.
    position: usize,
}

enum State {
    /// Nothing has been read yet.
    New,
    /// The bytes are UTF-8 and returned unchanged.
    Unchanged,
    Decoding(Box<Decoder>, Encoding),
    Ended(Encoding),
}

impl<R: BufRead> Decoded<R> {
    pub(crate) fn new(bytes: R, chosen: Option<Encoding>) -> Self {
        let (prefix, output) = (Vec::new(), Vec::new());
        Self { bytes, prefix, consumed: 0, chosen, state: State::New, output, position: 0 }
    }

    /// Checks that the file is not of another kind. Must be called before anything is read.
    pub(crate) fn check(&mut self, file: &Path) -> Result<()> {
        self.start().map_err(|error| read_error(error, SourceLocation::new(file, 1)))?;
        match foreign_file(&self.prefix) {
            Some(content) => {
                Err(DataError::ForeignFile { path: file.to_path_buf(), content }.into())
            }
            None => Ok(()),
        }
    }

    /// Creates the error for bytes that are invalid in the encoding.
    pub(crate) fn invalid(&self, location: SourceLocation) -> Error {
        let encoding = match self.state {
            State::New | State::Unchanged => Encoding::UTF_8,
            State::Decoding(_, encoding) | State::Ended(encoding) => encoding,
        };
        DataError::Encoding { location, encoding }.into()
    }

    fn start(&mut self) -> io::Result<()> {
        if !matches!(self.state, State::New) {
            return Ok(());
        }
        // A first line may be shorter than a mark, and standard input must not wait for the second.
        while self.prefix.len() < MARK_LENGTH && !self.prefix.contains(&b'\n') {
            let bytes = self.bytes.fill_buf()?;
            if bytes.is_empty() {
                break;
            }
            let count = bytes.len();
            self.prefix.extend_from_slice(bytes);
            self.bytes.consume(count);
        }
        let encoding = match Encoding::of_mark(&self.prefix) {
            Some((encoding, length)) => {
                self.consumed = length;
                encoding
            }
            None => self.chosen.or_else(|| unmarked(&self.prefix)).unwrap_or(Encoding::UTF_8),
        };
        self.state = if encoding == Encoding::UTF_8 {
            State::Unchanged
        } else {
            State::Decoding(Box::new(encoding.decoder()), encoding)
        };
        Ok(())
    }

    /// Fills the output, unless the file has ended.
    fn decode(&mut self) -> io::Result<()> {
        while self.position == self.output.len() {
            let State::Decoding(decoder, encoding) = &mut self.state else { break };
            let in_prefix = self.consumed < self.prefix.len();
            let source =
                if in_prefix { &self.prefix[self.consumed..] } else { self.bytes.fill_buf()? };
            let last = source.is_empty();
            self.output.resize(BUFFER_SIZE, 0);
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(source, &mut self.output, last);
            self.output.truncate(written);
            self.position = 0;
            if matches!(result, DecoderResult::Malformed(..)) {
                self.output.push(INVALID);
            }
            if last && result == DecoderResult::InputEmpty {
                self.state = State::Ended(*encoding);
            }
            if in_prefix {
                self.consumed += read;
            } else {
                self.bytes.consume(read);
            }
        }
        Ok(())
    }
}

/// Returns the encoding of two ASCII characters in UTF-16.
fn unmarked(start: &[u8]) -> Option<Encoding> {
    match *start {
        [first, 0, second, 0, ..] if first != 0 && second != 0 => Some(Encoding::UTF_16LE),
        [0, first, 0, second, ..] if first != 0 && second != 0 => Some(Encoding::UTF_16BE),
        _ => None,
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Decoded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.start()?;
        if !matches!(self.state, State::Unchanged) {
            self.decode()?;
            return Ok(&self.output[self.position..]);
        }
        if self.consumed < self.prefix.len() {
            return Ok(&self.prefix[self.consumed..]);
        }
        self.bytes.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        if !matches!(self.state, State::Unchanged) {
            self.position += count;
        } else if self.consumed < self.prefix.len() {
            self.consumed += count;
        } else {
            self.bytes.consume(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8], chosen: Option<&str>) -> Vec<u8> {
        let mut text = Vec::new();
        let chosen = chosen.map(|name| name.parse().unwrap());
        // Small reads split characters.
        let bytes = io::BufReader::with_capacity(3, bytes);
        Decoded::new(bytes, chosen).read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn marks_and_choices_select_the_encoding() {
        let text = "té,\u{1f680}\nx";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let with = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            with(b"\xef\xbb\xbf", text.as_bytes()),
            with(b"\xff\xfe", &little),
            with(b"\xfe\xff", &big),
        ] {
            assert_eq!(decoded(&bytes, None), text.as_bytes());
            if bytes[0] > 0x80 {
                assert_eq!(decoded(&bytes, Some("latin-1")), text.as_bytes());
            }
        }
        assert_eq!(decoded(&little, None), text.as_bytes());
        assert_eq!(decoded(&big, Some("utf-16be")), text.as_bytes());
        assert_eq!(decoded(b"caf\xe9 \x80", Some("cp1252")), "café €".as_bytes());
        assert_eq!(decoded(b"\x93\xfa\x96\x7b", Some("shift_jis")), "日本".as_bytes());
        assert_eq!(decoded(b"", Some("utf-16")), b"");
    }

    #[test]
    fn invalid_bytes_remain_invalid() {
        // Half of a surrogate pair, and half of a unit.
        assert_eq!(decoded(b"\xff\xfea\0\x3d\xd8b\0", None), b"a\xffb");
        assert_eq!(decoded(b"\xff\xfea\0b", None), b"a\xff");
        assert_eq!(decoded(b"caf\xe9", None), b"caf\xe9");
    }
}
