//! Values in TOML.

use crate::json_line::json_text;

/// Formats a text as a basic string, which accepts all escapes of JSON, and no control characters.
pub(crate) fn string(text: &str) -> String {
    json_text(text)
}

/// Formats labels with their words as the entries of a table, and marks other spellings.
pub(crate) fn table_of_words(words: &[(String, String)]) -> String {
    let entries = words.iter().enumerate().map(|(index, (label, word))| {
        let first = words[..index].iter().find(|(_, other)| other == word);
        let note = first.map_or_else(String::new, |(first, _)| {
            format!(" # another spelling of {}", string(first))
        });
        format!("{} = {}{note}\n", string(label), string(word))
    });
    entries.collect()
}
