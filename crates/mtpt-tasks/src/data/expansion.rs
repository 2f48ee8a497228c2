//! Limits on the expansion of compressed data.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Largest ratio of the length of a line and the compressed data before its end, above
/// [`FREE_LINE`]. Readers keep whole rows in memory. Texts have a ratio of three to six.
const LINE_RATIO: u64 = 10;
/// Length that any line may have.
const FREE_LINE: u64 = 8 << 20;

/// Largest ratio of all data and the compressed data, above [`FREE_TOTAL`]. Deflate reaches 1,000,
/// tables of few different rows 50.
const TOTAL_RATIO: u64 = 100;
/// Length that any data may have.
const FREE_TOTAL: u64 = 32 << 20;

/// Largest ratio of the number of lines and the bytes of the compressed data, above
/// [`FREE_LINES`]. Reading a line takes time, however short it is.
const LINES_RATIO: u64 = 2;
/// Number of lines that any data may have.
const FREE_LINES: u64 = 500_000;

/// Check of the length of decompressed data.
pub(crate) struct Expansion {
    /// Number of compressed bytes that have been consumed.
    compressed: Arc<AtomicU64>,
    /// Number of decompressed bytes.
    total: u64,
    /// Number of them since the last line break.
    line: u64,
    /// Number of line breaks.
    lines: u64,
}

impl Expansion {
    /// Creates the check of data by the number of its compressed bytes.
    pub(crate) fn new(compressed: Arc<AtomicU64>) -> Self {
        Self { compressed, total: 0, line: 0, lines: 0 }
    }

    /// Counts decompressed bytes.
    ///
    /// # Errors
    ///
    /// A description of the length that exceeds the limit.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), String> {
        let compressed = self.compressed.load(Ordering::Relaxed);
        let line_break = bytes.iter().rposition(|&byte| is_line_break(byte));
        let rest = line_break.map_or(bytes.len(), |position| bytes.len() - position - 1);
        self.line = if line_break.is_some() { rest as u64 } else { self.line + rest as u64 };
        self.total += bytes.len() as u64;
        // A line may end with both characters.
        let ends = [b'\n', b'\r'].map(|end| bytes.iter().filter(|&&byte| byte == end).count());
        self.lines += ends[0].max(ends[1]) as u64;
        if self.line > compressed.saturating_mul(LINE_RATIO).saturating_add(FREE_LINE) {
            return Err(format!("a line of more than {LINE_RATIO} times its size"));
        }
        if self.total > compressed.saturating_mul(TOTAL_RATIO).saturating_add(FREE_TOTAL) {
            return Err(format!("more than {TOTAL_RATIO} times its size"));
        }
        let max_lines = compressed.saturating_mul(LINES_RATIO).saturating_add(FREE_LINES);
        if self.lines > max_lines {
            return Err(format!("more than {max_lines} lines"));
        }
        Ok(())
    }
}

fn is_line_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Bytes whose consumption is counted.
pub(crate) struct Counted<R> {
    bytes: R,
    count: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub(crate) fn new(bytes: R) -> Self {
        Self { bytes, count: Arc::default() }
    }

    /// Returns the number of bytes that have been consumed, which is updated.
    pub(crate) fn count(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.count)
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.bytes.read(buffer)?;
        self.count.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.bytes.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        self.bytes.consume(length);
        self.count.fetch_add(length as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts `count` megabytes from `compressed` bytes, each ending with `end`.
    fn add(compressed: u64, count: usize, end: &[u8]) -> Result<(), String> {
        let mut expansion = Expansion::new(Arc::new(AtomicU64::new(compressed)));
        let part = [vec![b'x'; 1 << 20].as_slice(), end].concat();
        (0..count).try_for_each(|_| expansion.add(&part))
    }

    #[test]
    fn long_lines_are_rejected() {
        assert!(add(0, 8, b"").is_ok());
        assert!(add(0, 9, b"").unwrap_err().contains("a line"));
        assert!(add(1 << 20, 18, b"").is_ok());
        assert!(add(1 << 20, 19, b"").is_err());
        assert!(add(0, 30, b"\n").is_ok());
        assert!(add(0, 30, b"\ny").is_ok());
    }

    #[test]
    fn many_lines_are_rejected() {
        let lines = |compressed: u64, count: usize| {
            let mut expansion = Expansion::new(Arc::new(AtomicU64::new(compressed)));
            expansion.add(&b"\n".repeat(count))
        };
        assert!(lines(0, 500_000).is_ok());
        assert_eq!(lines(0, 500_001).unwrap_err(), "more than 500000 lines");
        assert!(lines(100_000, 700_000).is_ok());
        assert!(lines(100_000, 700_001).is_err());
        // Lines may end with two characters.
        let mut expansion = Expansion::new(Arc::new(AtomicU64::new(0)));
        assert!(expansion.add(&b"a\r\n".repeat(400_000)).is_ok());
    }

    #[test]
    fn long_data_is_rejected() {
        assert!(add(0, 33, b"\n").unwrap_err().contains("100 times"));
        assert!(add(1 << 20, 130, b"\r").is_ok());
    }
}
