use std::borrow::Cow;

/// Maximum number of characters of a row's value in a message.
const MAX_LENGTH: usize = 60;

/// Returns the start of a value of a row for a message.
///
/// A label or the name of a column helps to find a mistake. A text doesn't belong into messages and
/// logs, but may be there by mistake: in the wrong column, or in the first line of a file without a
/// header.
///
/// ```
/// use mtpt_tasks::excerpt;
///
/// assert_eq!(excerpt("billing"), "billing");
/// assert_eq!(excerpt(&"a".repeat(61)), format!("{}…", "a".repeat(60)));
/// ```
pub fn excerpt(value: &str) -> Cow<'_, str> {
    match value.char_indices().nth(MAX_LENGTH) {
        Some((end, _)) => format!("{}…", &value[..end]).into(),
        None => value.into(),
    }
}
