use crate::look_alike::same_label;

/// Parses a truth value: `1` or `0`, `true` or `false`, `yes` or `no`, or their first letters, in
/// any case.
///
/// ```
/// use mtpt_tasks::labels::parse_truth;
///
/// assert_eq!(["1.0", "yes"].map(parse_truth), [Some(true); 2]);
/// assert_eq!(["False", "2"].map(parse_truth), [Some(false), None]);
/// ```
pub fn parse_truth(text: &str) -> Option<bool> {
    match same_label(text).to_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" => Some(true),
        "0" | "false" | "f" | "no" | "n" => Some(false),
        _ => None,
    }
}
