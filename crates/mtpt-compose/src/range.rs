use crate::{Error, Result};

/// Checks that a count is at least 1 and at most `highest`.
pub(crate) fn check_count(name: &'static str, found: usize, highest: usize) -> Result<()> {
    if (1..=highest).contains(&found) {
        return Ok(());
    }
    Err(Error::OutOfRange { name, lowest: 1.0, highest: highest as f64, found: found as f64 })
}
