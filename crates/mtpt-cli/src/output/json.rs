use std::io::{self, Write};

use crate::fields::Fields;
use crate::json_line::write_json_line;
use crate::output::table_writer::TableWriter;

/// Writes JSON Lines.
pub(crate) struct LinesWriter<W>(pub(crate) W);

impl<W: Write> TableWriter for LinesWriter<W> {
    fn row(&mut self, row: &Fields) -> io::Result<()> {
        write_json_line(&mut self.0, row)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes an array of objects, one per line.
pub(crate) struct ArrayWriter<W> {
    file: W,
    /// Text in front of the next row.
    separator: &'static [u8],
}

impl<W> ArrayWriter<W> {
    pub(crate) fn new(file: W) -> Self {
        Self { file, separator: b"[\n" }
    }
}

impl<W: Write> TableWriter for ArrayWriter<W> {
    fn row(&mut self, row: &Fields) -> io::Result<()> {
        self.file.write_all(self.separator)?;
        self.separator = b",\n";
        Ok(serde_json::to_writer(&mut self.file, row)?)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        let end: &[u8] = if self.separator == b"[\n" { b"[]\n" } else { b"\n]\n" };
        self.file.write_all(end)?;
        self.file.flush()
    }
}
