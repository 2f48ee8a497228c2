use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::printable::is_printable;

/// Writes a value as a line of JSON.
///
/// Control characters beyond those that JSON forbids are escaped as well, because the line may be
/// read in a terminal.
pub(crate) fn write_json_line(writer: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *writer, Printable))?;
    writer.write_all(b"\n")
}

/// Returns a text as a string of JSON, with the same characters escaped.
pub(crate) fn json_text(text: &str) -> String {
    let mut bytes = Vec::new();
    // Texts can be serialized, and written to memory.
    let _ = text.serialize(&mut Serializer::with_formatter(&mut bytes, Printable));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The compact form of JSON with [`is_printable`] characters only.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        let mut rest = fragment;
        while let Some((start, found)) = rest.char_indices().find(|&(_, it)| !is_printable(it)) {
            writer.write_all(&rest.as_bytes()[..start])?;
            // All of them are in the basic plane, so one code unit is enough.
            write!(writer, "\\u{:04x}", u32::from(found))?;
            rest = &rest[start + found.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let text = "a\u{1b}[2J\u{7f}ö\u{9b}1m\u{202e}\"\\\n日";
        let mut line = Vec::new();
        write_json_line(&mut line, &(text, 0.1, [text])).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert!(line.trim_end_matches('\n').chars().all(is_printable), "{line}");
        let read: (String, f64, [String; 1]) = serde_json::from_str(&line).unwrap();
        assert_eq!(read, (text.to_owned(), 0.1, [text.to_owned()]));
    }
}
