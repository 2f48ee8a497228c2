//! Checks of the ranges of values.

use crate::config::error::ConfigError;
use crate::error::Result;

/// Rejects counts of 0.
pub(crate) fn at_least_one(counts: &[(&'static str, usize)]) -> Result<()> {
    match counts.iter().find(|(_, count)| *count == 0) {
        Some(&(option, _)) => {
            Err(ConfigError::OutOfRange { option, expected: "at least 1", found: 0.0 }.into())
        }
        None => Ok(()),
    }
}

/// Rejects a value that is not positive and finite.
pub(crate) fn positive(option: &'static str, found: f64) -> Result<()> {
    if found.is_finite() && found > 0.0 {
        return Ok(());
    }
    Err(ConfigError::OutOfRange { option, expected: "positive and finite", found }.into())
}

/// Rejects a limit that is not positive. It may be infinite.
pub(crate) fn above_zero(option: &'static str, found: f64) -> Result<()> {
    if found > 0.0 {
        Ok(())
    } else {
        Err(ConfigError::OutOfRange { option, expected: "positive", found }.into())
    }
}

/// Rejects a value that is negative, infinite or NaN.
pub(crate) fn not_negative(option: &'static str, found: impl Into<f64>) -> Result<()> {
    let found = found.into();
    if found.is_finite() && found >= 0.0 {
        return Ok(());
    }
    Err(ConfigError::OutOfRange { option, expected: "at least 0 and finite", found }.into())
}

/// Rejects a value outside of `[0, 1)`.
pub(crate) fn below_one(option: &'static str, found: f32) -> Result<()> {
    if (0.0..1.0).contains(&found) {
        return Ok(());
    }
    let expected = "at least 0 and below 1";
    Err(ConfigError::OutOfRange { option, expected, found: found.into() }.into())
}
