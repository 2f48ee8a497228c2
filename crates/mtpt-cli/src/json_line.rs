use std::io::{self, Write};

use serde::Serialize;

/// Writes a value as a line of JSON.
pub(crate) fn write_json_line(writer: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *writer, value)?;
    writer.write_all(b"\n")
}
