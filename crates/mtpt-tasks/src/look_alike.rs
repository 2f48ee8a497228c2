//! Texts that are the same, or look the same, although their characters differ.

use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

use crate::excerpt::excerpt;
use crate::names::did_you_mean_one_of;

/// Returns the form in which labels are compared: composed characters (NFC), single spaces for all
/// kinds of blanks, no blanks at the ends and no invisible marks.
pub(crate) fn plain(text: &str) -> String {
    let visible: String = text.nfc().filter(|&sign| !is_invisible(sign)).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the form in which labels are compared: composed characters (NFC), single spaces for all
/// kinds of blanks, no blanks at the ends and no invisible marks, and without the fraction of an
/// integer that was written as `1.0`, as pandas does for a column with missing values.
pub fn same_label(text: &str) -> String {
    let plain = plain(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match plain.split_once('.') {
        Some((whole, zeros))
            if digits(whole.strip_prefix('-').unwrap_or(whole))
                && !zeros.is_empty()
                && zeros.bytes().all(|byte| byte == b'0') =>
        {
            whole.to_owned()
        }
        _ => plain,
    }
}

/// Returns a text that two texts share if they look the same. ASCII texts always look different.
pub(crate) fn appearance(text: &str) -> String {
    skeleton(&plain(text)).collect()
}

/// Returns whether two labels differ in case alone, or look the same.
pub fn is_spelling(first: &str, second: &str) -> bool {
    let same_case = |text: &str| same_label(text).to_lowercase();
    let (first, second) = (same_case(first), same_case(second));
    let are_ascii = first.is_ascii() && second.is_ascii();
    first == second || !are_ascii && appearance(&first) == appearance(&second)
}

/// Returns the known text that looks the same as another one, if there is one.
pub(crate) fn look_alike<'a>(text: &str, known: &'a [String]) -> Option<&'a str> {
    let seen = appearance(text);
    let is_alike = |other: &&String| {
        !(text.is_ascii() && other.is_ascii()) && *other != text && appearance(other) == seen
    };
    known.iter().find(is_alike).map(String::as_str)
}

/// Returns a text with the code points of all characters outside of ASCII.
pub(crate) fn code_points(text: &str) -> String {
    text.chars()
        .map(|sign| match sign {
            ' '..='~' => sign.to_string(),
            _ => sign.escape_default().to_string(),
        })
        .collect()
}

/// Returns a known label that looks the same, with the difference, or a similar one.
pub(crate) fn nearest_label(label: &str, known: &[String]) -> String {
    match look_alike(label, known) {
        Some(other) => format!(
            "; it looks like `{}`, but the code points are `{}`, not `{}`",
            excerpt(other),
            code_points(label),
            code_points(other)
        ),
        None => did_you_mean_one_of(label, known),
    }
}

/// Returns whether a character has no glyph and no meaning in a label.
fn is_invisible(sign: char) -> bool {
    matches!(sign, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}')
        || (sign.is_control() && !sign.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_labels_have_one_form() {
        for (label, form) in [
            ("cafe\u{301}", "café"),
            ("New\u{a0}York ", "New York"),
            ("New\u{202f} York", "New York"),
            ("\u{feff}yes\u{200b}", "yes"),
            ("1.0", "1"),
            ("-2.00", "-2"),
            ("1.5", "1.5"),
            ("v1.0", "v1.0"),
            ("1.", "1."),
            ("Yes", "Yes"),
        ] {
            assert_eq!(same_label(label), form, "{label:?}");
        }
        assert_eq!(plain("1.0"), "1.0");
    }

    #[test]
    fn look_alikes_have_other_characters() {
        let known = ["pos".to_owned(), "neg".to_owned()];
        assert_eq!(look_alike("p\u{43e}s", &known), Some("pos"));
        assert_eq!(look_alike("pos", &known), None);
        assert_eq!(look_alike("l", &["1".to_owned()]), None);
        assert_eq!(code_points("p\u{43e}s\t"), "p\\u{43e}s\\t");
    }
}
