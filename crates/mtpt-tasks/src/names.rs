use strsim::damerau_levenshtein;

use crate::excerpt::excerpt;

/// Returns the known name that is most similar to a mistyped one, if any is similar enough.
///
/// Names that differ only in case or surrounding whitespace are always similar. Otherwise up to a
/// third of the characters may be wrong, missing, added or transposed.
///
/// ```
/// use mtpt_tasks::nearest_name;
///
/// assert_eq!(nearest_name("stpes", ["seed", "steps"]), Some("steps"));
/// assert_eq!(nearest_name("colour", ["seed", "steps"]), None);
/// ```
pub fn nearest_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = |name: &str| name.trim().to_lowercase();
    let given = folded(name);
    // The distance is at least the difference in length, so long texts are skipped cheaply.
    let near = |other: &str| {
        let [given, other] = [name, other].map(|name| name.trim().chars().count());
        3 * given.abs_diff(other) <= given.max(other)
    };
    known
        .into_iter()
        .filter(|other| near(other))
        .map(|other| (damerau_levenshtein(&given, &folded(other)), other))
        .filter(|&(distance, other)| {
            3 * distance <= given.chars().count().max(other.chars().count())
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, other)| other)
}

/// Returns `; did you mean ...?` for the nearest of the known names, or nothing.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest_name(name, known)
        .map_or_else(String::new, |nearest| format!("; did you mean `{}`?", excerpt(nearest)))
}

/// Returns `; did you mean ...?` for the nearest of the known names, or nothing.
pub(crate) fn did_you_mean_one_of(name: &str, known: &[String]) -> String {
    did_you_mean(name, known.iter().map(String::as_str))
}

/// Returns the names in backticks, separated by commas and shortened by [`excerpt`], or `none`.
pub fn quoted_list(names: &[impl AsRef<str>]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{}`", excerpt(name.as_ref()))).collect::<Vec<_>>().join(", ")
}

/// Returns a number of things: `1 row`, `2 rows`.
pub fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Appends the nearest known name to serde's message for an unknown one, such as ``unknown field
/// `stpes`, expected one of `steps`, `seed` ``.
pub(crate) fn with_nearest_name(message: &str) -> String {
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let mut names = message.split('`').skip(1).step_by(2);
    match names.next() {
        Some(found) if unknown => format!("{message}{}", did_you_mean(found, names)),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_only_similar_names() {
        let known = ["billing", "delivery", "account"];
        assert_eq!(nearest_name("Billing ", known), Some("billing"));
        assert_eq!(nearest_name("delivrey", known), Some("delivery"));
        assert_eq!(nearest_name("acount", known), Some("account"));
        assert_eq!(nearest_name("refund", known), None);
        assert_eq!(nearest_name("", known), None);
        assert_eq!(nearest_name("x", []), None);
    }

    #[test]
    fn extends_messages_of_serde() {
        assert_eq!(
            with_nearest_name("unknown field `stpes`, expected one of `seed`, `steps`"),
            "unknown field `stpes`, expected one of `seed`, `steps`; did you mean `steps`?"
        );
        for other in ["unknown field `colour`, expected `seed`", "missing field `seed`", ""] {
            assert_eq!(with_nearest_name(other), other);
        }
    }
}
