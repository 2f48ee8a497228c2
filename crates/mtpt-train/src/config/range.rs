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

/// Rejects counts that are surely a mistake, and that sums and buffers are not made for.
pub(crate) fn at_most(counts: &[(&'static str, usize)], most: Most) -> Result<()> {
    match counts.iter().find(|(_, count)| *count > most.count) {
        Some(&(option, count)) => {
            let (expected, found) = (most.expected, count as f64);
            Err(ConfigError::OutOfRange { option, expected, found }.into())
        }
        None => Ok(()),
    }
}

/// The upper limit of a count.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    count: usize,
    expected: &'static str,
}

/// Maximum number of steps: years of training.
pub(crate) const STEPS: Most = Most { count: 1_000_000_000, expected: "at most 1000000000" };

/// Maximum number of examples that are sampled together, and of tokens of one of them.
pub(crate) const MILLION: Most = Most { count: 1_000_000, expected: "at most 1000000" };

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
