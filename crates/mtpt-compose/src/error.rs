/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can be wrong with a composition.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A composition of no task.
    #[error("a composition needs at least one task, but was given none")]
    NoTask,
    /// A number of a configuration is out of its range.
    #[error("`{name}` must be between {lowest} and {highest}, found {found}")]
    OutOfRange {
        /// The option.
        name: &'static str,
        /// Smallest value.
        lowest: f64,
        /// Largest value.
        highest: f64,
        /// The value given.
        found: f64,
    },
    /// First values of a part have the wrong shape.
    #[error("first values of {part}: expected shape {expected:?}, found {found:?}")]
    StartShape {
        /// The part.
        part: String,
        /// The shape that the composition needs.
        expected: [usize; 2],
        /// The shape given.
        found: [usize; 2],
    },
    /// First values could not be made.
    #[error(transparent)]
    Start(#[from] mtpt_core::Error),
}
