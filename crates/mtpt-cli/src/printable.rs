//! Texts of files in messages, tables and reports.
//!
//! A terminal executes control characters: a name could hide or replace other messages, change the
//! title of the window, or enter text.

use std::borrow::Cow;

/// Returns whether a character is shown as such, and doesn't change how others are shown.
pub(crate) fn is_printable(character: char) -> bool {
    // Bidirectional controls could reverse the text after a name.
    !character.is_control()
        && !matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a line of text with other characters escaped, such as `\u{1b}` and `\n`.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_printable)
}

/// Returns text with other characters escaped, except for line breaks.
pub(crate) fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| is_printable(character) || character == '\n')
}

fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&is_kept) {
        return text.into();
    }
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if is_kept(character) {
            printable.push(character);
        } else {
            printable.extend(character.escape_default());
        }
    }
    printable.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("größe 日本 — ‘a’ \u{200f}"), "größe 日本 — ‘a’ \u{200f}");
        let hostile = "a\u{1b}[2J\u{9b}1m\r\u{7f}\u{202e}\n\t\0";
        let expected = r"a\u{1b}[2J\u{9b}1m\r\u{7f}\u{202e}\n\t\u{0}";
        assert_eq!(printable(hostile), expected);
        assert_eq!(printable_lines(hostile), expected.replace(r"\n", "\n"));
    }
}
