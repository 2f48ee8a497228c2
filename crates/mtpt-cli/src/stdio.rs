//! Standard output and standard error. No other crate of the workspace prints.

use std::error::Error as StdError;
use std::io::{self, BufWriter, StdoutLock, Write};

use mtpt::train::error_line;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::json_line::write_json_line;
use crate::printable::{printable, printable_lines};

/// Standard output: JSON Lines, or text for a person or a shell.
pub(crate) struct Output {
    stream: BufWriter<StdoutLock<'static>>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { stream: BufWriter::new(io::stdout().lock()) }
    }

    /// Writes one row as a line of JSON.
    pub(crate) fn row(&mut self, row: &impl Serialize) -> Result<()> {
        write_json_line(&mut self.stream, row).map_err(Error::Output)
    }

    /// Writes text for a person.
    pub(crate) fn text(&mut self, text: &str) -> Result<()> {
        self.bytes(printable_lines(text).as_bytes())
    }

    /// Writes anything other than rows and text for a person.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).map_err(Error::Output)
    }

    /// Flushes the buffer, so that the reader of a pipe receives what was written.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.stream.flush().map_err(Error::Output)
    }
}

/// Writes an error with its causes and advice, as one line of standard error.
pub(crate) fn error(error: &dyn StdError, advice: Option<String>) {
    let mut line = format!("error: {}", error_line(error));
    if let Some(advice) = advice {
        line.push_str("; ");
        line.push_str(&advice);
    }
    message(&line.replace('\n', " "));
}

/// Returns the line of a message of a run, which is a note unless it is a warning.
pub(crate) fn note(text: &str) -> String {
    let has_kind = ["note: ", "warning: "].iter().any(|kind| text.starts_with(kind));
    if has_kind { text.to_owned() } else { format!("note: {text}") }
}

/// Writes a line to standard error. A run doesn't end because nobody reads its messages: if the
/// line can't be written, it is lost.
pub(crate) fn message(text: &str) {
    write_message(&printable(text));
}

/// Writes a table to standard error, like [`message`].
pub(crate) fn table(lines: &[String]) {
    write_message(&printable_lines(&lines.join("\n")));
}

fn write_message(text: &str) {
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}
