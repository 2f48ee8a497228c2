use std::fmt;

use serde::{Deserialize, Serialize};

/// Failure of a reader that returns neither an answer nor an error.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// It panicked.
    Panic {
        /// File and line.
        location: String,
    },
    /// It requested more memory than allowed, and the process aborted.
    Allocation {
        /// Power of two of the refused request.
        magnitude: u32,
    },
    /// It used more memory than the system has, or overflowed the stack, or aborted.
    Abort {
        /// The signal or exit code, with the last line of the messages.
        reason: String,
    },
    /// It took more than two seconds.
    Slow,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic { location } => write!(formatter, "panic at {location}"),
            Self::Allocation { magnitude } => {
                write!(formatter, "refused allocation of 2^{magnitude} bytes or more")
            }
            Self::Abort { reason } => write!(formatter, "abort: {reason}"),
            Self::Slow => write!(formatter, "more than two seconds"),
        }
    }
}
