use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

use crate::error::{Error, Result};

/// Standard output, as JSON Lines but for what is written for a person or a shell.
pub(crate) struct Output {
    stream: BufWriter<StdoutLock<'static>>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { stream: BufWriter::new(io::stdout().lock()) }
    }

    /// Writes one row.
    pub(crate) fn row(&mut self, row: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.stream, row)
            .map_err(|error| Error::Output(error.into()))?;
        self.stream.write_all(b"\n").map_err(Error::Output)
    }

    /// Writes something else than rows.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).map_err(Error::Output)
    }

    /// Hands on what was written: whoever waits for it at the other end of a pipe gets it now.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.stream.flush().map_err(Error::Output)
    }
}
