use std::io::{BufRead, ErrorKind, Read, copy, sink};

/// Longest text of a number as an operand.
const MAX_NUMBER: u64 = 32;
/// Number of bytes of a line that are returned.
const LINE_START: usize = 64;

/// Reads little-endian numbers, texts and lines after an operation. `None` is the end of the file,
/// or a failure to read it, which the reader of the objects reports.
pub(super) struct Operands<R>(pub(super) R);

impl<R: BufRead> Operands<R> {
    /// Reads a number of `size` bytes, at most 8.
    pub(super) fn number(&mut self, size: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        self.0.read_exact(&mut bytes[..size]).ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    /// Skips a number of bytes and returns it.
    pub(super) fn skip(&mut self, length: u64) -> Option<u64> {
        let skipped = copy(&mut self.0.by_ref().take(length), &mut sink()).ok()?;
        (skipped == length).then_some(length)
    }

    /// Skips bytes after their number, which has `size` bytes itself, and returns their number.
    pub(super) fn text(&mut self, size: usize) -> Option<u64> {
        let length = self.number(size)?;
        self.skip(length)
    }

    /// Skips a line, and returns its first bytes without carriage returns, and its length.
    pub(super) fn line(&mut self) -> Option<(Vec<u8>, u64)> {
        let (mut start, mut length) = (Vec::new(), 0);
        loop {
            let available = match self.0.fill_buf() {
                Ok([]) => return None,
                Ok(available) => available,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return None,
            };
            let end = available.iter().position(|&byte| byte == b'\n');
            let read = end.map_or(available.len(), |end| end + 1);
            let is_part = |byte: &&u8| **byte != b'\r';
            start.extend(available[..read].iter().filter(is_part).take(LINE_START - start.len()));
            self.0.consume(read);
            length += read as u64;
            if end.is_some() {
                return Some((start, length));
            }
        }
    }

    /// Reads the number that a line consists of.
    pub(super) fn line_number(&mut self) -> Option<u32> {
        let mut line = Vec::new();
        self.0.by_ref().take(MAX_NUMBER).read_until(b'\n', &mut line).ok()?;
        let line = str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
        line.strip_suffix('\r').unwrap_or(line).parse().ok()
    }
}
