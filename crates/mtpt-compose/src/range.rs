use crate::{Error, Result};

/// Checks that a count is at least 1 and at most `highest`.
pub(crate) fn check_count(name: &'static str, found: usize, highest: usize) -> Result<()> {
    check_range(name, found, 1, highest)
}

/// Checks that a number is not below `lowest` and not above `highest`.
pub(crate) fn check_range(
    name: &'static str,
    found: usize,
    lowest: usize,
    highest: usize,
) -> Result<()> {
    if (lowest..=highest).contains(&found) {
        return Ok(());
    }
    let [lowest, highest, found] = [lowest, highest, found].map(|number| number as f64);
    Err(Error::OutOfRange { name, lowest, highest, found })
}
