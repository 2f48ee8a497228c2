/// An option whose value is out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("expected `{option}` {expected}, found {found}")]
pub struct OutOfRange {
    /// The option.
    pub option: &'static str,
    /// The valid range, as `to be ...`.
    pub expected: &'static str,
    /// The value found.
    pub found: f64,
}
