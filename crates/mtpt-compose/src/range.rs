use crate::error::{Error, Result};

/// Checks that a count is between 1 and `max`.
pub(crate) fn check_count(name: &'static str, found: usize, max: usize) -> Result<()> {
    check_range(name, found, 1, max)
}

/// Checks that a number is between `min` and `max`, inclusive.
pub(crate) fn check_range(name: &'static str, found: usize, min: usize, max: usize) -> Result<()> {
    if (min..=max).contains(&found) {
        return Ok(());
    }
    let [lowest, highest, found] = [min, max, found].map(|number| number as f64);
    Err(Error::OutOfRange { name, lowest, highest, found })
}
